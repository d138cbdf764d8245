//! Who is warned of what, and what arrives.

use chrono::{NaiveDate, TimeDelta};
use tradeup_harness::eventually;
use tradeup_mail::unsubscribe::{Claims, KeyRing, Notice, verify};
use tradeup_mail::{Locale, format};

use crate::mailing::{KEYS, Mailing, link, parsed, parts};

fn written(day: NaiveDate, locale: &str) -> String {
    format::day(day, &Locale::parse(locale)).unwrap()
}

/// Blanks that don't break are blanks.
fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

#[tokio::test]
async fn two_shops_members_get_one_mail_each_with_what_is_left() {
    let mailing = Mailing::new().await;
    let aurora = mailing.shop("aurora", "USD", "America/New_York", "en").await;
    let borealis = mailing.shop("borealis", "EUR", "Europe/Berlin", "de").await;
    let set = [
        "--name",
        "Aurora Cards",
        "--reply-to",
        "help@aurora.example",
        "--shop-url",
        "https://aurora.example/",
    ];
    mailing.world.tradeup_ok(&[&["tenant", "set", "aurora"][..], &set].concat());
    let ann = mailing.member(aurora, "1", Some("ann@member.example")).await;
    mailing.lot(aurora, ann, "later", 400, mailing.ends(aurora, 5)).await;
    mailing.lot(aurora, ann, "soon", 1250, mailing.ends(aurora, 2)).await;
    mailing.lot(aurora, ann, "never", 10_000, None).await;
    mailing.lot(aurora, ann, "beyond", 20_000, mailing.ends(aurora, 9)).await;
    let tomorrow = mailing.now + TimeDelta::days(1);
    mailing.lot_since(aurora, ann, "on its way", 30_000, tomorrow, mailing.ends(aurora, 4)).await;
    mailing.spend(aurora, ann, 500).await;
    let bert = mailing.member(borealis, "1", Some("bert@member.example")).await;
    mailing.lot(borealis, bert, "one", 123_450, mailing.ends(borealis, 3)).await;
    mailing.run_sql("update members set first_name = 'Bert' where email like 'bert%'").await;
    // In a language of his own, at a shop that speaks another.
    let carl = mailing.member(borealis, "2", Some("carl@member.example")).await;
    mailing.run_sql("update members set locale = 'fr' where email like 'carl%'").await;
    mailing.lot(borealis, carl, "one", 900, mailing.ends(borealis, 3)).await;
    let _services = mailing.start_both().await;

    assert_eq!(mailing.warn().await, [3, 0, 0, 0]);
    assert_eq!(mailing.server.mails().len(), 3);
    let mail = mailing.only_mail("ann@member.example");
    let message = parsed(&mail);
    let from = message.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Aurora Cards"), Some("credit@sender.example")));
    assert_eq!(message.reply_to().unwrap().first().unwrap().address(), Some("help@aurora.example"));
    assert_eq!(message.subject(), Some("Your store credit at Aurora Cards expires soon"));
    assert_eq!(
        message.header_raw("List-Unsubscribe-Post").map(str::trim),
        Some("List-Unsubscribe=One-Click")
    );
    for part in parts(&mail) {
        // 12.50 less what was spent of it: the soonest is used first.
        for shown in ["$7.50", "$4.00", "$11.50", "Eastern Time"] {
            assert!(part.contains(shown), "{shown} in {part}");
        }
        for days in [2, 5] {
            assert!(part.contains(&written(mailing.day(aurora, days), "en")), "{part}");
        }
        assert!(!part.contains("100.00") && !part.contains("200.00") && !part.contains("300.00"), "{part}");
        assert!(part.contains("https://aurora.example/"), "{part}");
    }
    let token = link(&mail).strip_prefix("https://app.example/unsubscribe?token=").unwrap().to_owned();
    let claims = verify(&KeyRing::parse(&KEYS.into()).unwrap(), &token).unwrap();
    assert_eq!(claims, Claims { tenant: aurora.tenant.0, member: ann, notice: Notice::CreditExpiry });

    let [text, _html] = parts(&mailing.only_mail("bert@member.example"));
    let text = plain(&text);
    for shown in ["1.234,50 €", "Guten Tag Bert", "Mitteleuropäische Zeit", "Shop borealis"] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(text.contains(&written(mailing.day(borealis, 3), "de")) && !text.contains("Aurora"), "{text}");
    let [text, _html] = parts(&mailing.only_mail("carl@member.example"));
    assert!(plain(&text).contains("9,00 €") && text.contains("Bonjour"), "{text}");

    // Again, on the same day and on the next: nobody is warned twice.
    let again = mailing.warn().await;
    mailing.next_day().await;
    assert_eq!((again, mailing.warn().await), ([0; 4], [0; 4]));
    assert_eq!(mailing.server.mails().len(), 3);

    // Listed without a single address; and the other shop's are not among one's own.
    let listed = mailing.world.tradeup_ok(&["mail", "list"]);
    assert!(listed.matches(" sent ").count() == 3 && !listed.contains('@'), "{listed}");
    let own = mailing.world.tradeup_json(&["mail", "list", "--tenant", "aurora", "--state", "sent"]);
    assert_eq!(own.as_array().unwrap().len(), 1);
    assert_eq!((&own[0]["tenant"], &own[0]["lots"]), (&"aurora".into(), &2.into()));
    assert_eq!(mailing.world.number("select count(*) from runs where payload::text like '%@%'").await, 0);
}

#[tokio::test]
async fn a_lot_born_late_is_warned_of_and_one_that_comes_later_waits_for_tomorrows_mail() {
    let mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    let ann = mailing.member(shop, "1", Some("ann@member.example")).await;
    // Shorter than the 7 days ahead from its first moment.
    mailing.lot(shop, ann, "short", 700, Some(mailing.now + TimeDelta::hours(2))).await;
    let _services = mailing.start_both().await;
    assert_eq!(mailing.warn().await, [1, 0, 0, 0]);
    mailing.lot(shop, ann, "another", 300, mailing.ends(shop, 3)).await;
    assert_eq!(mailing.warn().await, [0, 1, 0, 0], "one mail a day");
    assert_eq!(mailing.got()["ann@member.example"], 1);
    mailing.next_day().await;
    assert_eq!(mailing.warn().await, [1, 0, 0, 0]);
    let [text, _html] = parts(&mailing.server.mails()[1]);
    assert!(text.contains("$3.00") && !text.contains("$7.00"), "{text}");
    // An end that is moved is another end.
    mailing.run_sql("update lots set expires_at = expires_at + interval '1 day', ends_at = ends_at + interval '1 day' where granted_minor = 300").await;
    mailing.next_day().await;
    assert_eq!(mailing.warn().await, [1, 0, 0, 0]);
    assert_eq!(mailing.got()["ann@member.example"], 3);
}

#[tokio::test]
async fn days_that_were_missed_are_made_up_for_by_one_run() {
    let mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    let ann = mailing.member(shop, "1", Some("ann@member.example")).await;
    // Seven days before its end nobody was there.
    mailing.lot(shop, ann, "a", 700, mailing.ends(shop, 3)).await;
    drop(mailing.world.start("scheduler").await);
    mailing
        .run_sql(
            "update schedules set next_fire_at = date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'
                 - interval '3 days' + interval '9 hours'
             where name = 'expiration-warning'",
        )
        .await;
    let _services = mailing.start_both().await;
    mailing.mails_at_least(1).await;
    let run: String = sqlx::query_scalar(
        "select id::text from runs where task = 'expiration-warning' and trigger = 'schedule'",
    )
    .fetch_one(&mailing.world.database.admin)
    .await
    .unwrap();
    assert_eq!(mailing.succeeded(&run).await, [1, 0, 0, 0]);
    assert_eq!(mailing.got()["ann@member.example"], 1);
}

/// The table of states in the loyalty reference, §1.4.
#[tokio::test]
async fn each_state_of_a_member_has_its_answer() {
    let mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    for (id, email) in [
        ("no address", None),
        ("late address", None),
        ("opted out", Some("out@member.example")),
        ("complained", Some("angry@member.example")),
        ("bounced", Some("gone@member.example")),
        ("bounced before", Some("old@member.example")),
        ("paused", Some("paused@member.example")),
        ("no marketing", Some("quiet@member.example")),
    ] {
        let member = mailing.member(shop, id, email).await;
        let ends = if id == "late address" {
            Some(mailing.now + TimeDelta::hours(20))
        } else {
            mailing.ends(shop, 3)
        };
        mailing.lot(shop, member, "a", 500, ends).await;
    }
    mailing
        .run_sql(
            "insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from)
             select m.tenant_id, m.id, t.id, 'paused', 'manual', now() from members m, tiers t
             where m.external_id = 'paused'",
        )
        .await;
    for (member, because) in [
        ("opted out", "opt-out"),
        ("complained", "complaint"),
        ("bounced", "bounce"),
        ("bounced before", "bounce"),
    ] {
        let add =
            ["mail", "suppressions", "add", "--tenant", "aurora", "--member", member, "--because", because];
        mailing.world.tradeup_ok(&[&add[..], &["--reason", "a ticket"]].concat());
    }
    // Another address since: it has not bounced.
    mailing
        .run_sql("update members set email = 'new@member.example' where external_id = 'bounced before'")
        .await;
    let listed = mailing.world.tradeup_json(&["mail", "suppressions", "list", "--tenant", "aurora"]);
    assert_eq!(listed.as_array().unwrap().len(), 4);
    assert!(!listed.to_string().contains('@'), "{listed}");
    let holds = listed.as_array().unwrap().iter().filter(|s| s["in_force"] == true).count();
    assert_eq!(holds, 3);
    let services = mailing.start_both().await;

    assert_eq!(mailing.warn().await, [3, 0, 5, 0]);
    let got: Vec<String> = mailing.got().into_keys().collect();
    assert_eq!(got, ["new@member.example", "paused@member.example", "quiet@member.example"]);
    let why = mailing.suppressed().await;
    for (member, because) in [
        ("no address", "no_email"),
        ("late address", "no_email"),
        ("opted out", "opt_out"),
        ("complained", "complaint"),
        ("bounced", "bounce"),
    ] {
        assert_eq!(why[member], because, "{member}");
    }

    // An address appears, for one with more than a day left and for one with less.
    mailing
        .run_sql("update members set email = 'here@member.example' where external_id = 'no address'")
        .await;
    mailing
        .run_sql("update members set email = 'late@member.example' where external_id = 'late address'")
        .await;
    assert_eq!(mailing.warn().await, [1, 0, 0, 0]);
    let got = mailing.got();
    assert_eq!((got.get("here@member.example"), got.get("late@member.example")), (Some(&1), None));

    // Back again: for what comes from now on.
    let remove = ["mail", "suppressions", "remove", "--tenant", "aurora", "--member", "opted out"];
    mailing.world.tradeup_ok(&[&remove[..], &["--reason", "asked for it"]].concat());
    assert_eq!(mailing.world.tradeup(&[&remove[..], &["--reason", "twice"]].concat()).code, 1);
    let acts = mailing.world.number("select count(*) from audit_log where act like '%suppress%'").await;
    assert_eq!(acts, 5);
    drop(services);
}

#[tokio::test]
async fn a_shop_that_wants_none_or_is_suspended_sends_none() {
    let mailing = Mailing::new().await;
    for (handle, state, warns) in [
        ("off", "active", false),
        ("suspended", "suspended", true),
        ("gone", "uninstalled", true),
        ("on", "active", true),
    ] {
        let shop = mailing.shop(handle, "USD", "UTC", "en").await;
        let address = format!("{handle}@member.example");
        let member = mailing.member(shop, "1", Some(&address)).await;
        mailing.lot(shop, member, "a", 500, mailing.ends(shop, 3)).await;
        mailing.run_sql(&format!("update tenants set state = '{state}' where handle = '{handle}'")).await;
        if !warns {
            mailing.world.tradeup_ok(&["tenant", "set", handle, "--warnings", "off"]);
        }
    }
    let _services = mailing.start_both().await;
    assert_eq!(mailing.warn().await, [1, 0, 0, 0]);
    assert_eq!(mailing.got().into_keys().collect::<Vec<_>>(), ["on@member.example"]);
    // Nothing was claimed meanwhile: switched on, the shop's members are warned.
    mailing.world.tradeup_ok(&["tenant", "set", "off", "--warnings", "on"]);
    assert_eq!(mailing.warn().await, [1, 0, 0, 0]);
    eventually("both were written to", std::time::Duration::from_secs(10), || async {
        (mailing.got().len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_runs_at_once_and_two_services_warn_each_member_once() {
    let mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    mailing.crowd(shop, 250).await;
    // Both are on their way before anybody works.
    let runs = [mailing.trigger(), mailing.trigger()];
    let _scheduler = mailing.world.start("scheduler").await;
    let _credits = (mailing.world.start("credits").await, mailing.world.start("credits").await);
    let mut warned = 0;
    for run in &runs {
        let [now, before, exempt, failed] = mailing.succeeded(run).await;
        assert_eq!((now + before, exempt, failed), (250, 0, 0));
        warned += now;
    }
    assert_eq!(warned, 250);
    let got = mailing.got();
    assert!(got.len() == 250 && got.values().all(|mails| *mails == 1), "{} members", got.len());
}

#[tokio::test]
async fn planted_damage_to_warnings_is_found_and_named() {
    let mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "USD", "UTC", "en").await;
    mailing.crowd(shop, 3).await;
    let _services = mailing.start_both().await;
    assert_eq!(mailing.warn().await, [3, 0, 0, 0]);
    for (damage, check) in [
        (
            "alter table warnings drop constraint warnings_pkey; insert into warnings select * from warnings limit 1",
            "warned_once",
        ),
        (
            "drop index digests_of_day; insert into digests (tenant_id, id, member_id, day, locale, zone, run_id) select tenant_id, gen_random_uuid(), member_id, day, locale, zone, run_id from digests limit 1",
            "warned_once",
        ),
        (
            "delete from warnings where lot_id = (select lot_id from warnings limit 1)",
            "digests_have_their_warnings",
        ),
        ("update digests set written_at = written_at - interval '6 days'", "digests_have_their_warnings"),
        ("update batches set affected = 2, already_done = 1", "warning_batches_add_up"),
        (
            "update digests set state = 'dropped', dropped_because = 'spent' where member_id = (select member_id from digests limit 1)",
            "warning_batches_add_up",
        ),
    ] {
        let copy = mailing.world.copy_of_database().await;
        sqlx::raw_sql(damage).execute(&copy.admin).await.unwrap();
        let proof = mailing.world.tradeup_on(&copy, &["--json", "verify"]);
        let proof: serde_json::Value = serde_json::from_str(&proof.stdout).unwrap();
        let checks = proof["tenants"][0]["checks"].as_array().unwrap();
        let found = checks.iter().any(|c| c["violations"] != 0 && c["check"] == check);
        assert!(found, "{damage}: {checks:#?}");
    }
}

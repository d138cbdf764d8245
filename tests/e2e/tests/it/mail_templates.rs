//! A shop's own words: checked before they are taken, previewed, sent, and taken back.

use crate::mailing::{Mailing, parsed, parts};

#[tokio::test]
async fn a_shop_writes_its_own() {
    let mailing = Mailing::new().await;
    let shop = mailing.shop("aurora", "JPY", "Asia/Tokyo", "en").await;
    let other = mailing.shop("borealis", "EUR", "UTC", "en").await;
    let world = &mailing.world;
    let folder = world.dir.path().join("words");
    let path = folder.to_str().unwrap();
    let template = ["mail", "template"];
    let of = |verb: &'static str, more: &[&'static str]| -> Vec<&str> {
        [&template[..], &[verb, "--tenant", "aurora"], more].concat()
    };

    // From the built-in words to one's own.
    world.tradeup_ok(&[&of("show", &[])[..], &["--out", path]].concat());
    std::fs::write(folder.join("subject.txt"), "Don't lose it: {{ lot_count }} at {{ shop_name }}\n")
        .unwrap();
    let body = std::fs::read_to_string(folder.join("body.txt")).unwrap();
    std::fs::write(folder.join("body.txt"), format!("OUR OWN WORDS\n{body}")).unwrap();
    let preview = world.tradeup_ok(&[&of("preview", &[])[..], &["--from", path]].concat());
    assert!(preview.starts_with("Don't lose it: 2 at Shop aurora\n"), "{preview}");
    assert!(preview.contains("OUR OWN WORDS") && preview.contains("¥1,250"), "{preview}");
    let set = world.tradeup_json(&[&of("set", &[])[..], &["--from", path]].concat());
    assert_eq!((&set["locale"], &set["version"]), (&"en".into(), &1.into()));
    let out = world.dir.path().join("preview");
    world.tradeup_ok(&[&of("preview", &[])[..], &["--out", out.to_str().unwrap()]].concat());
    assert!(std::fs::read_to_string(out.join("body.html")).unwrap().contains("<html"));

    // What is not taken changes nothing, and is named.
    for (name, words, says) in [
        ("subject.txt", "{{ shopname }}", "shopname"),
        ("body.txt", "Soon.", "text"),
        ("body.html", "<p>{{ shop_name }}</p><script>1</script>", "html"),
    ] {
        let before = std::fs::read_to_string(folder.join(name)).unwrap();
        std::fs::write(folder.join(name), words).unwrap();
        let refused = world.tradeup(&[&of("set", &[])[..], &["--from", path]].concat());
        assert!(refused.code == 1 && refused.stderr.contains(says), "{}", refused.stderr);
        assert!(refused.stderr.contains("nothing was changed"), "{}", refused.stderr);
        std::fs::write(folder.join(name), before).unwrap();
    }
    assert_eq!(world.number("select count(*) from mail_templates").await, 1);
    let unknown = world.tradeup(&of("show", &["--locale", "qq"]));
    assert!(unknown.code != 0 && unknown.stderr.contains("language tag"), "{}", unknown.stderr);

    for (of, email) in [(shop, "ann@member.example"), (other, "bert@member.example")] {
        let member = mailing.member(of, "1", Some(email)).await;
        mailing.lot(of, member, "a", 980, mailing.ends(of, 3)).await;
    }
    let _services = mailing.start_both().await;
    assert_eq!(mailing.warn().await, [2, 0, 0, 0]);
    let mail = mailing.only_mail("ann@member.example");
    assert_eq!(parsed(&mail).subject(), Some("Don't lose it: 1 at Shop aurora"));
    assert!(
        parts(&mail)[0].starts_with("OUR OWN WORDS") && parts(&mail)[0].contains("¥980"),
        "{}",
        parts(&mail)[0]
    );
    let mail = mailing.only_mail("bert@member.example");
    assert_eq!(parsed(&mail).subject(), Some("Your store credit at Shop borealis expires soon"));

    // Back to the built-in ones; a version that was in use stays on record.
    world.tradeup_ok(&of("reset", &[]));
    assert_eq!(world.tradeup(&of("reset", &[])).code, 1);
    assert_eq!(world.tradeup_json(&of("show", &[]))["version"], serde_json::Value::Null);
    let again = world.tradeup_json(&[&of("set", &[])[..], &["--from", path]].concat());
    assert_eq!(again["version"], 2);
    assert_eq!(world.number("select count(*) from audit_log where act like 'mail template %'").await, 3);

    // One that was damaged behind our back stops the shop's mails, and no other's.
    mailing.run_sql("update mail_templates set body_text = 'x' where version = 2").await;
    mailing.next_day().await;
    for of in [shop, other] {
        let member = mailing.member(of, "2", Some("carl@member.example")).await;
        mailing.lot(of, member, "a", 980, mailing.ends(of, 3)).await;
    }
    let run = mailing.trigger();
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "dead");
    let child = |handle: &str| {
        let children = story["children"].as_array().unwrap();
        children.iter().find(|child| child["tenant"] == handle).unwrap().clone()
    };
    assert_eq!(
        (&child("aurora")["state"], &child("borealis")["state"]),
        (&"dead".into(), &"succeeded".into())
    );
    let letters = world.tradeup_json(&["dead", "list"]);
    assert!(letters.to_string().contains("TU0507"), "{letters:#}");
    assert_eq!(
        world.number("select count(*) from digests where state = 'pending'").await,
        0,
        "nothing is claimed"
    );
    world.tradeup_ok(&of("reset", &[]));
    world.tradeup_ok(&["retry", &run]);
    assert_eq!(mailing.succeeded(&run).await, [2, 0, 0, 0]);
    assert_eq!(mailing.got()["carl@member.example"], 2);
}

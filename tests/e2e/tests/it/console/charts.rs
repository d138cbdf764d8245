//! Charts: how runs ended, by the hour, and what a shop's months moved, for whoever may see it.

use serde_json::Value;
use tradeup_harness::eventually;

use super::{SOON, console, header, month};

/// What the database says of each hour in which runs ended: hour, succeeded, failed, cancelled.
type Hour = (String, i64, i64, i64);

fn hours(overview: &Value) -> Vec<Hour> {
    let hours = overview["ended"].as_array().unwrap();
    assert_eq!(hours.len(), 48, "{overview}");
    let number = |hour: &Value, name: &str| hour[name].as_i64().unwrap();
    let all = hours.iter().map(|hour| {
        let counts = (number(hour, "succeeded"), number(hour, "failed"), number(hour, "cancelled"));
        (hour["hour"].as_str().unwrap().to_owned(), counts.0, counts.1, counts.2)
    });
    all.filter(|(_, succeeded, failed, cancelled)| succeeded + failed + cancelled > 0).collect()
}

#[tokio::test]
async fn the_overview_shows_how_runs_ended_by_the_hour() {
    let console = console().await;
    let world = &console.world;
    month(world).await;
    let failing = ["--tenant", "aurora", "--failures", "9", "--failure", "permanent"];
    let probed = world.tradeup(&[&["probe", "--service", "credits"][..], &failing].concat());
    assert_eq!(probed.code, 1);
    let vera = console.as_user("vera").await;
    // Counted again every ten seconds at most.
    let shown = eventually("the hours are those of the runs", SOON, || async {
        let counted: Vec<Hour> = sqlx::query_as(
            r#"select to_char(date_trunc('hour', finished_at at time zone 'UTC'), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                count(*) filter (where state = 'succeeded'), count(*) filter (where state = 'dead'),
                count(*) filter (where state = 'cancelled')
            from runs where finished_at is not null group by 1 order by 1"#,
        )
        .fetch_all(&world.database.admin)
        .await
        .unwrap();
        let shown = hours(&vera.json("/overview").await);
        (shown == counted && counted.iter().any(|hour| hour.2 > 0)).then_some(shown)
    })
    .await;
    let sum = |of: fn(&Hour) -> i64| shown.iter().map(of).sum::<i64>();
    let (succeeded, failed) = (sum(|hour| hour.1), sum(|hour| hour.2));
    assert!(succeeded >= 3, "the month and its shops: {shown:?}");

    let (status, page) = vera.get("/").await;
    assert_eq!(status, 200);
    let says = format!(
        "aria-label=\"Runs that ended within 48 hours: {failed} failed for good, 0 cancelled, {succeeded} succeeded."
    );
    assert!(page.contains(&says) && page.contains("<svg "), "{page}");
    for (hour, succeeded, failed, _) in &shown {
        let row = page
            .split(&format!("<time datetime=\"{hour}\">"))
            .skip(1)
            .find_map(|rest| rest.split("</tr>").next().filter(|row| row.contains("class=\"number\"")));
        let cells: Vec<&str> = row.unwrap().split("class=\"number\">").skip(1).collect();
        assert!(cells[0].starts_with(&format!("{succeeded}<")), "{cells:?}");
        assert!(cells[1].starts_with(&format!("{failed}<")), "{cells:?}");
    }
    assert!(!page.contains("style="), "the policy allows none");
    assert!(page.len() < 100_000, "{} bytes", page.len());

    // What all shops do is nothing for the staff of one.
    let sam = console.as_user("sam").await;
    let (status, answer) = sam.get("/").await;
    assert_eq!((status, header(&answer, "location")), (303, Some("/shops/aurora")));
    assert_eq!(sam.get("/api/v1/overview").await.0, 403);
    assert!(!sam.get("/shops/aurora").await.1.contains("Runs that ended"));
}

#[tokio::test]
async fn a_run_that_is_tried_again_is_nowhere_twice() {
    let console = console().await;
    let world = &console.world;
    let failing = ["--tenant", "aurora", "--failures", "1", "--failure", "permanent"];
    let probed = world.tradeup(&[&["probe", "--service", "credits"][..], &failing].concat());
    assert_eq!(probed.code, 1);
    let olga = console.as_user("olga").await;
    let of_probe = |shown: Vec<Hour>| {
        shown.iter().fold((0, 0), |(succeeded, failed), hour| (succeeded + hour.1, failed + hour.2))
    };
    let (_, failed) = eventually("it failed", SOON, || async {
        let counted = of_probe(hours(&olga.json("/overview").await));
        (counted.1 > 0).then_some(counted)
    })
    .await;
    assert_eq!(failed, 1);
    let run = olga.json("/runs?task=probe-credits").await["runs"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(olga.act(&format!("/runs/{run}/retry"), &[("reason", "again")]).await.0, 303);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    eventually("it is among those that succeeded, and no longer among the others", SOON, || async {
        let (succeeded, failed) = of_probe(hours(&olga.json("/overview").await));
        (succeeded > 0 && failed == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_shops_months_are_drawn_for_that_shop_alone() {
    let console = console().await;
    let world = &console.world;
    let sam = console.as_user("sam").await;
    // Figures are reckoned beside the page, which is shown without them or with older ones if that takes long.
    let page = eventually("the ledger without movements", SOON, || async {
        let page = sam.get("/shops/aurora/ledger").await.1;
        page.contains("Nothing has moved yet.").then_some(page)
    })
    .await;
    assert!(!page.contains("<svg"), "{page}");

    month(world).await;
    let (_, minor) = world.due["aurora"];
    let ledger = eventually("the month is in the ledger", SOON, || async {
        let ledger = sam.json("/shops/aurora/ledger").await;
        ledger["months"].as_array().is_some_and(|months| !months.is_empty()).then_some(ledger)
    })
    .await;
    let months = ledger["months"].as_array().unwrap();
    let sum = |name: &str| months.iter().map(|month| month[name].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("granted_minor"), sum("spent_minor"), sum("expired_minor")), (minor, 0, 0), "{ledger}");
    let granted = months.iter().find(|month| month["granted_minor"] == minor).unwrap();
    let (page, label) = eventually("the page draws it, too", SOON, || async {
        let page = sam.get("/shops/aurora/ledger").await.1;
        let label = page.split("aria-label=\"Credit by month from ").nth(1)?.split('"').next()?.to_owned();
        Some((page, label))
    })
    .await;
    let said = format!("{} granted, 0.00 ", granted["granted"].as_str().unwrap());
    assert!(label.contains(&said) && label.contains(granted["month"].as_str().unwrap()), "{label}");
    assert!(page.contains("<svg ") && !page.contains("style="), "{page}");

    for path in ["/shops/borealis/ledger", "/api/v1/shops/borealis/ledger"] {
        let (status, answer) = sam.get(path).await;
        assert!(status == 404 && !answer.contains("Credit by month"), "{answer}");
    }
    let (_, others) = world.due["borealis"];
    let vera = console.as_user("vera").await;
    let of_other = eventually("the other shop's month", SOON, || async {
        let ledger = vera.json("/shops/borealis/ledger").await;
        ledger["months"].as_array().is_some_and(|months| !months.is_empty()).then_some(ledger)
    })
    .await;
    assert_eq!(of_other["months"][0]["granted_minor"], others, "{of_other}");
}

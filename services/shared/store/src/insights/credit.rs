//! What becomes of credit.

use tradeup_domain::figure::Figure;

use super::cells::{Cells, topics};
use super::overview::{ending, redemption};
use super::told::{Told, row, share};
use super::{Answered, Row, Window};
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// When credit ends, the soonest first, as it is written in the sums.
pub(super) const ENDS: [&str; 7] = ["0-7", "8-14", "15-30", "31-60", "61-90", "91+", "never"];

/// Credit granted, used and ended over a window, by what it was granted for; and when what is left ends.
///
/// # Errors
/// As any statement.
pub async fn credit_activity(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    window: Window,
) -> Answered {
    let days = window.as_str();
    let topic = format!("credit_{days}");
    let cells = Cells::of(db, tenant, snapshot, &topics(&["shop", "ending", &topic])).await?;
    let shop = cells.shop();
    let mut told = Told::of(&cells);
    let (granted, expired) = (cells.total(&topic, "granted"), cells.total(&topic, "expired"));
    let over = |figure: Option<Figure>| Some(figure?.over(days));
    let mut figures = vec![
        over(Some(told.minor(format!("credit_granted_{days}_minor"), granted))),
        over(Some(told.minor(format!("credit_redeemed_{days}_minor"), cells.total(&topic, "redeemed")))),
        over(Some(told.minor(format!("credit_expired_{days}_minor"), expired))),
        over(Some(told.minor(format!("credit_clawed_back_{days}_minor"), cells.total(&topic, "clawed")))),
        redemption(&cells, window),
        over(share(format!("credit_expired_{days}_bps"), expired, granted)),
        Some(told.minor("credit_outstanding_minor", shop.get("balance"))),
        Some(Figure::count("members_with_credit", shop.get("with_balance"))),
        Some(Figure::count("redeeming_members_90d", shop.get("redeemers_90d")).over("90d")),
        Some(Figure::count("redeeming_members_365d", shop.get("redeemers_365d")).over("365d")),
    ];
    figures.extend(ending(&cells).map(Some));
    told.shop("credit", figures);
    let mut rows = Vec::new();
    for (reason, class, sums) in cells.groups(&topic) {
        let figures = ["granted", "redeemed", "expired"].map(|measure| {
            Some(told.minor(format!("reason_{measure}_{days}_minor"), sums.get(measure)).over(days))
        });
        // Each grant is one member's; fewer of them are fewer members.
        let moves = sums.get("granted_moves").max(sums.get("redeemed_moves")).max(sums.get("expired_moves"));
        rows.push((moves, row([("reason", reason.to_owned()), ("class", class.to_owned())], figures)));
    }
    told.groups("reasons", rows);
    let rows = ends(&told, &cells);
    told.groups("ending", rows);
    Ok(told.answer())
}

/// When what is left ends.
pub(super) fn ends(told: &Told<'_>, cells: &Cells) -> Vec<(i64, Row)> {
    ENDS.iter()
        .map(|days| {
            let sums = cells.group("ending", days, "");
            let members = sums.get("members");
            let figures = [
                Some(told.minor("ending_minor", sums.get("minor"))),
                Some(Figure::count("ending_members", members)),
            ];
            (members, row([("ends_in_days", (*days).to_owned())], figures))
        })
        .collect()
}

//! Trade-ins: offers for what members bring, each move, and the credit in the end.
//!
//! A trade-in is locked, moved by the table of [`tradeup_domain::trade_in::next`], and each move is written down in
//! the same transaction. What went into an offer is kept with it: the rule's version, conditions and market prices.

mod act;
mod credit;
mod prices;
mod view;

pub use act::{ActError, Acted, Action, AskedLine, Asking, act, begin};
pub use credit::{Credited, credit};
pub use prices::{NewPrice, add_prices, market};
pub use view::{MoveView, TradeInView, get, list};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tradeup_domain::Currency;
use tradeup_domain::rules::TradeInRule;
use tradeup_domain::trade_in::{self, IllegalMove, Line, Move, Quote, State};
use uuid::Uuid;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, RunId, TenantId};

/// How a member wants to be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payout {
    /// As credit, with the bonus.
    Credit,
    /// In money, which the shop pays itself.
    Cash,
}

impl Payout {
    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Cash => "cash",
        }
    }
}

/// A trade-in as it comes.
#[derive(Clone, Debug)]
pub struct NewTradeIn<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The system that it is submitted by.
    pub source: &'a str,
    /// That system's id of it.
    pub submission_id: &'a str,
    /// What was submitted, as one text: the same id with another text is another trade-in.
    pub submitted: &'a str,
    /// The customer.
    pub member_external_id: &'a str,
    /// How the member wants to be paid.
    pub payout: Payout,
    /// The version of the rule.
    pub rule_version: i32,
    /// The offer.
    pub quote: &'a Quote,
    /// When it was submitted.
    pub submitted_at: DateTime<Utc>,
}

/// Who moves a trade-in.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// A person, a system, a task.
    pub actor: &'a str,
    /// Why, in words for people.
    pub reason: Option<&'a str>,
    /// The run that does it, if one does.
    pub run_id: Option<RunId>,
}

/// What came of submitting one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is new.
    New(Uuid),
    /// It was submitted before, the very same.
    Same(Uuid),
    /// The id is that of another one.
    Other,
}

/// A trade-in under lock.
#[derive(Clone, Debug)]
pub struct TradeIn {
    /// Its id.
    pub id: Uuid,
    /// Where it is.
    pub state: State,
    /// The customer.
    pub member_external_id: String,
    /// How the member wants to be paid.
    pub payout: Payout,
    /// Currency of its amounts.
    pub currency: Currency,
    /// The version of the rule.
    pub rule_version: i32,
    /// The offer, in minor units: in money or as paid credit.
    pub cash_minor: i64,
    /// On top for those who take credit.
    pub bonus_minor: i64,
    /// The offer was set by hand.
    pub by_hand: bool,
    /// When the offer was made, and until when it stands.
    pub quoted_at: DateTime<Utc>,
    /// Until when it stands.
    pub valid_until: DateTime<Utc>,
    lines: Vec<KeptLine>,
}

/// What a move changes about the offer.
#[derive(Clone, Debug)]
pub enum Offer<'a> {
    /// Nothing.
    Stands,
    /// It stands until another instant.
    Until(DateTime<Utc>),
    /// It is this one.
    Quote(&'a Quote),
    /// Amounts that a person has set, in minor units, until an instant.
    ByHand {
        /// In money or as paid credit.
        cash_minor: i64,
        /// On top for those who take credit.
        bonus_minor: i64,
        /// Until when it stands.
        valid_until: DateTime<Utc>,
    },
}

/// A line as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeptLine {
    item: String,
    category: String,
    condition: String,
    quantity: u32,
    market_minor: i64,
}

fn kept(quote: &Quote) -> Vec<KeptLine> {
    let line = |line: &Line| KeptLine {
        item: line.item.clone(),
        category: line.category.clone(),
        condition: line.condition.clone(),
        quantity: line.quantity,
        market_minor: line.market_minor,
    };
    quote.lines.iter().map(|quoted| line(&quoted.line)).collect()
}

impl TradeIn {
    /// The offer as the rule makes it, to be graded. By hand it may differ from the amounts in force.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if what is kept is not what that rule can have made.
    pub fn quote(&self, rule: &TradeInRule) -> Result<Quote, StoreError> {
        let line = |line: &KeptLine| Line {
            item: line.item.clone(),
            category: line.category.clone(),
            condition: line.condition.clone(),
            quantity: line.quantity,
            market_minor: line.market_minor,
        };
        Quote::make(rule, self.lines.iter().map(line).collect(), self.quoted_at)
            .map_err(|_other_rule| StoreError::of_kind(ErrorKind::Corrupt, "reading an offer"))
    }
}

/// Records a trade-in that is submitted. The first move is its own.
///
/// # Errors
/// As any statement.
pub async fn submit(db: &mut Connection, new: &NewTradeIn<'_>, by: &By<'_>) -> Result<Submitted, StoreError> {
    let id = Uuid::now_v7();
    let lines = serde_json::json!(kept(new.quote));
    let inserted = sqlx::query_file_scalar!(
        "src/trade_ins/submit.sql",
        new.tenant as TenantId,
        id,
        new.source,
        new.submission_id,
        new.submitted,
        new.member_external_id,
        new.payout.as_str(),
        new.quote.currency.code(),
        new.rule_version,
        lines,
        new.quote.cash_minor,
        new.quote.bonus_minor,
        new.quote.quoted_at,
        new.quote.valid_until,
        new.submitted_at,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("recording a trade-in")?;
    if inserted.is_some() {
        let state = State::Submitted;
        note(db, new.tenant, &Noted { id, wanted: "submit", from: None, to: state }, by).await?;
        return Ok(Submitted::New(id));
    }
    let known = sqlx::query!(
        r#"select id, submitted_sha256 = sha256(convert_to($4, 'UTF8')) as "same!" from trade_ins
           where tenant_id = $1 and source = $2 and submission_id = $3"#,
        new.tenant as TenantId,
        new.source,
        new.submission_id,
        new.submitted,
    )
    .fetch_one(db)
    .await
    .doing("comparing a trade-in with the one of its id")?;
    Ok(if known.same { Submitted::Same(known.id) } else { Submitted::Other })
}

/// A trade-in as its row has it.
struct Row {
    id: Uuid,
    state: String,
    member_external_id: String,
    payout: String,
    currency: String,
    rule_version: i32,
    lines: serde_json::Value,
    cash_minor: i64,
    bonus_minor: i64,
    by_hand: bool,
    quoted_at: DateTime<Utc>,
    valid_until: DateTime<Utc>,
}

impl Row {
    fn read(self) -> Result<TradeIn, StoreError> {
        let corrupt = || StoreError::of_kind(ErrorKind::Corrupt, "reading a trade-in");
        Ok(TradeIn {
            id: self.id,
            state: self.state.parse().map_err(|_unknown| corrupt())?,
            member_external_id: self.member_external_id,
            payout: if self.payout == "cash" { Payout::Cash } else { Payout::Credit },
            currency: self.currency.parse().map_err(|_unknown| corrupt())?,
            rule_version: self.rule_version,
            cash_minor: self.cash_minor,
            bonus_minor: self.bonus_minor,
            by_hand: self.by_hand,
            quoted_at: self.quoted_at,
            valid_until: self.valid_until,
            lines: serde_json::from_value(self.lines).map_err(|_unreadable| corrupt())?,
        })
    }
}

/// The tenant's trade-in with this id, locked until the transaction ends.
///
/// # Errors
/// As any statement.
pub async fn lock(db: &mut Connection, tenant: TenantId, id: Uuid) -> Result<Option<TradeIn>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, state, member_external_id, payout, currency, rule_version, lines, cash_minor, bonus_minor, by_hand,
             quoted_at, valid_until
         from trade_ins where tenant_id = $1 and id = $2 for update",
        tenant as TenantId,
        id,
    )
    .fetch_optional(db)
    .await
    .doing("reading a trade-in")?;
    row.map(Row::read).transpose()
}

/// The trade-ins that were submitted within a time, oldest first.
///
/// # Errors
/// As any statement.
pub async fn submitted_within(
    db: &mut Connection,
    tenant: TenantId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<TradeIn>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select id, state, member_external_id, payout, currency, rule_version, lines, cash_minor, bonus_minor, by_hand,
             quoted_at, valid_until
         from trade_ins where tenant_id = $1 and submitted_at >= $2 and submitted_at < $3 order by id",
        tenant as TenantId,
        from,
        until,
    )
    .fetch_all(db)
    .await
    .doing("listing trade-ins")?;
    rows.into_iter().map(Row::read).collect()
}

/// Moves a trade-in that is locked, and writes the move down.
///
/// # Errors
/// As any statement. A move that the table does not have is returned, and nothing has changed.
pub async fn make_move(
    db: &mut Connection,
    tenant: TenantId,
    trade_in: &mut TradeIn,
    wanted: Move,
    offer: Offer<'_>,
    by: &By<'_>,
) -> Result<Result<(), IllegalMove>, StoreError> {
    let from = trade_in.state;
    let to = match trade_in::next(from, wanted) {
        Ok(to) => to,
        Err(illegal) => return Ok(Err(illegal)),
    };
    match offer {
        Offer::Stands => {}
        Offer::Until(valid_until) => trade_in.valid_until = valid_until,
        Offer::Quote(quote) => {
            (trade_in.cash_minor, trade_in.bonus_minor) = (quote.cash_minor, quote.bonus_minor);
            (trade_in.quoted_at, trade_in.valid_until) = (quote.quoted_at, quote.valid_until);
            (trade_in.lines, trade_in.by_hand) = (kept(quote), false);
        }
        Offer::ByHand { cash_minor, bonus_minor, valid_until } => {
            (trade_in.cash_minor, trade_in.bonus_minor) = (cash_minor, bonus_minor);
            (trade_in.valid_until, trade_in.by_hand) = (valid_until, true);
        }
    }
    trade_in.state = to;
    sqlx::query!(
        "update trade_ins set state = $3, cash_minor = $4, bonus_minor = $5, by_hand = $6, quoted_at = $7,
             valid_until = $8, lines = $9, moved_at = clock_timestamp()
         where tenant_id = $1 and id = $2",
        tenant as TenantId,
        trade_in.id,
        to.as_str(),
        trade_in.cash_minor,
        trade_in.bonus_minor,
        trade_in.by_hand,
        trade_in.quoted_at,
        trade_in.valid_until,
        serde_json::json!(trade_in.lines),
    )
    .execute(&mut *db)
    .await
    .doing("moving a trade-in")?;
    let noted = Noted { id: trade_in.id, wanted: wanted.as_str(), from: Some(from), to };
    note(db, tenant, &noted, by).await.map(Ok)
}

/// A move that was made.
struct Noted {
    id: Uuid,
    wanted: &'static str,
    from: Option<State>,
    to: State,
}

/// Writes down a move, with the offer as it is then. The lock gives each a number of its own.
async fn note(db: &mut Connection, tenant: TenantId, noted: &Noted, by: &By<'_>) -> Result<(), StoreError> {
    sqlx::query_file!(
        "src/trade_ins/note.sql",
        tenant as TenantId,
        noted.id,
        noted.wanted,
        noted.from.map(State::as_str),
        noted.to.as_str(),
        by.actor,
        by.reason,
        by.run_id as Option<RunId>,
    )
    .execute(db)
    .await
    .doing("writing down a move of a trade-in")
    .map(drop)
}

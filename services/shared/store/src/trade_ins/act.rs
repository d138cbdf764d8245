//! What a person, a member or another system does with a trade-in; and what follows from it by itself.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tradeup_domain::money::AMOUNT_MINOR_MAX;
use tradeup_domain::rules::TradeInRule;
use tradeup_domain::trade_in::{
    GradeError, Graded, GradedLine, IllegalMove, Line, Move, Quote, QuoteError, State, grade,
};
use uuid::Uuid;

use super::{
    By, Credited, NewTradeIn, Offer, Payout, Submitted, TradeIn, credit, lock, make_move, market, submit,
};
use crate::credits::Asked;
use crate::error::StoreError;
use crate::tenants::Settings;
use crate::{Connection, members, rules, schedules};

/// A trade-in as another system submits it.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// The system.
    pub source: &'a str,
    /// Its id of the trade-in.
    pub submission_id: &'a str,
    /// The customer.
    pub member_external_id: &'a str,
    /// How the member wants to be paid.
    pub payout: Payout,
    /// What there is.
    pub lines: &'a [AskedLine],
}

/// A line as it is submitted.
#[derive(Clone, Debug)]
pub struct AskedLine {
    /// What it is, as the shop's price list calls it.
    pub item: String,
    /// In which condition, as the shop's rule calls it.
    pub condition: String,
    /// How many.
    pub quantity: u32,
}

/// Something that is done with a trade-in.
#[derive(Clone, Debug)]
pub enum Action {
    /// The offer that was under review is made, with other amounts if they are given.
    Quote {
        /// In money or as paid credit, in minor units; `None` for what the rule says.
        by_hand: Option<(i64, i64)>,
    },
    /// The other side agrees.
    Accept,
    /// The other side does not.
    Decline,
    /// Other amounts are offered: in money or as paid credit, and on top, in minor units.
    CounterOffer {
        /// In money or as paid credit.
        cash_minor: i64,
        /// On top for those who take credit.
        bonus_minor: i64,
    },
    /// The goods have come.
    Receive,
    /// The goods were looked at: all as quoted, or these.
    Grade {
        /// What was found; `None` for all as quoted.
        found: Option<Vec<GradedLine>>,
    },
    /// Credit is given, or the money was paid.
    Pay,
    /// The shop does not take it.
    Reject,
    /// It is called off.
    Cancel,
    /// The goods go back.
    Return,
}

/// Why something can't be done. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The shop has no rule for trade-ins.
    #[error("the shop takes nothing in: it has no trade-in rule; set one with `tradeup rules set`")]
    NoRule,
    /// The rule in force is in another currency than the ledger.
    #[error("the shop's trade-in rule is in another currency than its ledger; set one in the ledger's")]
    OtherCurrency,
    /// An item without a price.
    #[error(
        "field lines[{line}].item has no market price; add it with `tradeup trade-ins prices`, or leave the line out"
    )]
    NoPrice {
        /// Which line, from 0.
        line: usize,
    },
    /// What was submitted.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// What was found.
    #[error(transparent)]
    Grade(#[from] GradeError),
    /// The table does not have it.
    #[error("{0}")]
    Illegal(IllegalMove),
    /// The offer does not stand any more.
    #[error("the offer stood until its time was over; make another one, or call it off")]
    Over,
    /// The offer was set by hand, and goods are not as quoted: a rule can't say what they are worth then.
    #[error(
        "the offer was set by hand and the goods are not as quoted; name an offer for them with a counter-offer"
    )]
    ByHand,
    /// Amounts that can't be.
    #[error("field cash_minor or bonus_minor is below 0 or above {AMOUNT_MINOR_MAX} minor units")]
    Amount,
    /// The customer is no member.
    #[error(
        "the customer is no member of the shop's, so there is no account for the credit; enrol the customer first"
    )]
    NoMember,
    /// The id is that of another trade-in.
    #[error("field submission_id is that of another trade-in; give each an id of its own")]
    OtherSubmission,
    /// There is no such trade-in.
    #[error("there is no such trade-in")]
    Unknown,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Acted {
    /// The trade-in as it is now.
    pub trade_in: TradeIn,
    /// What was credited by it.
    pub credited: Option<Credited>,
    /// It was done before, and nothing has changed.
    pub is_repeat: bool,
}

impl Acted {
    /// What is shown of it.
    #[must_use]
    pub fn shown(&self) -> Value {
        let trade_in = &self.trade_in;
        let mut shown = json!({ "trade_in_id": trade_in.id.to_string(), "state": trade_in.state.as_str(),
            "payout": trade_in.payout.as_str(), "currency": trade_in.currency.code(),
            "cash_minor": trade_in.cash_minor, "bonus_minor": trade_in.bonus_minor,
            "valid_until": trade_in.valid_until.to_rfc3339(), "by_hand": trade_in.by_hand });
        if let Some(credited) = self.credited {
            shown["credited_minor"] = credited.paid_minor.into();
            shown["bonus_credited_minor"] = credited.bonus_minor.into();
        }
        shown
    }
}

/// Takes a trade-in: values it by the rule in force and the shop's prices, and makes the offer, or leaves it to a
/// person if it is above the rule's limit. The same submission again changes nothing.
///
/// # Errors
/// [`ActError`], naming the first field that is wrong.
pub async fn begin(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    new: &Asking<'_>,
) -> Result<Acted, ActError> {
    let now = schedules::now(db).await?;
    let at = asked.at.map_or(now, |at| at.min(now));
    let (rule, version) = rules::in_force(db, asked.tenant, at).await?.trade_in.ok_or(ActError::NoRule)?;
    if rule.currency != settings.currency {
        return Err(ActError::OtherCurrency);
    }
    let items: Vec<String> = new.lines.iter().map(|line| line.item.clone()).collect();
    let prices = market(db, asked.tenant, rule.currency, &items, at).await?;
    let priced = new.lines.iter().zip(prices).enumerate().map(|(n, (line, price))| {
        let (category, market_minor) = price.ok_or(ActError::NoPrice { line: n })?;
        let (item, condition) = (line.item.clone(), line.condition.clone());
        Ok(Line { item, category, condition, quantity: line.quantity, market_minor })
    });
    let quote = Quote::make(&rule, priced.collect::<Result<_, ActError>>()?, at)?;
    let lines: Vec<_> = new.lines.iter().map(|line| (&line.item, &line.condition, line.quantity)).collect();
    let submitted = json!([new.member_external_id, new.payout.as_str(), lines]).to_string();
    let by = by(asked);
    let recorded = NewTradeIn {
        tenant: asked.tenant,
        source: new.source,
        submission_id: new.submission_id,
        submitted: &submitted,
        member_external_id: new.member_external_id,
        payout: new.payout,
        rule_version: version,
        quote: &quote,
        submitted_at: at,
    };
    let (id, is_repeat) = match submit(db, &recorded, &by).await? {
        Submitted::New(id) => (id, false),
        Submitted::Same(id) => (id, true),
        Submitted::Other => return Err(ActError::OtherSubmission),
    };
    let mut trade_in = lock(db, asked.tenant, id).await?.ok_or(ActError::Unknown)?;
    if !is_repeat {
        let wanted = if quote.needs_review { Move::SendToReview } else { Move::Quote };
        moved(db, asked, &mut trade_in, wanted, Offer::Stands).await?;
    }
    Ok(Acted { trade_in, credited: None, is_repeat })
}

/// Does something with a trade-in. Once goods are graded within the rule's tolerance, or the member agrees to what they
/// were graded to, those who take credit get it at once.
///
/// # Errors
/// [`ActError`]; nothing has changed then.
pub async fn act(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    id: Uuid,
    action: &Action,
) -> Result<Acted, ActError> {
    let mut trade_in = lock(db, asked.tenant, id).await?.ok_or(ActError::Unknown)?;
    let now = schedules::now(db).await?;
    let rule = rules::trade_in_version(db, asked.tenant, trade_in.rule_version).await?;
    let until = now + TimeDelta::days(rule.quote_valid_days.into());
    let by_hand = |(cash_minor, bonus_minor): (i64, i64)| {
        let good = |minor: i64| (0..=AMOUNT_MINOR_MAX).contains(&minor);
        let both = good(cash_minor) && good(bonus_minor) && good(cash_minor.saturating_add(bonus_minor));
        if both {
            Ok(Offer::ByHand { cash_minor, bonus_minor, valid_until: until })
        } else {
            Err(ActError::Amount)
        }
    };
    let trade_in = &mut trade_in;
    match action {
        Action::Quote { by_hand: amounts } => {
            // From the day that it is made it stands as long as any.
            let offer = amounts.map_or(Ok(Offer::Until(until)), by_hand)?;
            moved(db, asked, trade_in, Move::Quote, offer).await?;
        }
        Action::Accept => {
            if now >= trade_in.valid_until {
                return Err(ActError::Over);
            }
            moved(db, asked, trade_in, Move::Accept, Offer::Stands).await?;
        }
        Action::Decline => moved(db, asked, trade_in, Move::Decline, Offer::Stands).await?,
        Action::CounterOffer { cash_minor, bonus_minor } => {
            // For goods that were graded it is the shop's second offer.
            let wanted = if trade_in.state == State::Graded { Move::Requote } else { Move::CounterOffer };
            moved(db, asked, trade_in, wanted, by_hand((*cash_minor, *bonus_minor))?).await?;
        }
        Action::Receive => moved(db, asked, trade_in, Move::Receive, Offer::Stands).await?,
        Action::Grade { found } => graded(db, asked, trade_in, &rule, found.as_deref()).await?,
        Action::Pay => {}
        Action::Reject => moved(db, asked, trade_in, Move::Reject, Offer::Stands).await?,
        Action::Cancel => moved(db, asked, trade_in, Move::Cancel, Offer::Stands).await?,
        Action::Return => moved(db, asked, trade_in, Move::Return, Offer::Stands).await?,
    }
    let pays_itself = matches!(trade_in.state, State::Graded | State::AcceptedHere)
        && matches!(action, Action::Grade { .. } | Action::Accept)
        && trade_in.payout == Payout::Credit;
    let credited = match (action, pays_itself, trade_in.payout) {
        (Action::Pay, _, Payout::Cash) => {
            moved(db, asked, trade_in, Move::PayCash, Offer::Stands).await?;
            None
        }
        (Action::Pay, _, Payout::Credit) | (_, true, _) => {
            Some(pay(db, asked, settings, trade_in, &rule).await?)
        }
        _ => None,
    };
    Ok(Acted { trade_in: trade_in.clone(), credited, is_repeat: false })
}

fn by<'a>(asked: &Asked<'a>) -> By<'a> {
    By { actor: asked.actor, reason: asked.reason, run_id: asked.run_id }
}

async fn moved(
    db: &mut Connection,
    asked: &Asked<'_>,
    trade_in: &mut TradeIn,
    wanted: Move,
    offer: Offer<'_>,
) -> Result<(), ActError> {
    make_move(db, asked.tenant, trade_in, wanted, offer, &by(asked)).await?.map_err(ActError::Illegal)
}

/// Grades what came: it stands, the member is asked again, or nothing is left.
async fn graded(
    db: &mut Connection,
    asked: &Asked<'_>,
    trade_in: &mut TradeIn,
    rule: &TradeInRule,
    found: Option<&[GradedLine]>,
) -> Result<(), ActError> {
    let quote = trade_in.quote(rule)?;
    let Some(found) = found else {
        return moved(db, asked, trade_in, Move::Grade, Offer::Stands).await;
    };
    let now = schedules::now(db).await?;
    match grade(&quote, rule, found, now)? {
        Graded::Keep(kept) if kept == quote => moved(db, asked, trade_in, Move::Grade, Offer::Stands).await,
        _ if trade_in.by_hand => Err(ActError::ByHand),
        Graded::Keep(kept) => moved(db, asked, trade_in, Move::Grade, Offer::Quote(&kept)).await,
        Graded::NeedsYes(lower) => {
            moved(db, asked, trade_in, Move::Grade, Offer::Stands).await?;
            moved(db, asked, trade_in, Move::Requote, Offer::Quote(&lower)).await
        }
        Graded::NothingLeft => {
            moved(db, asked, trade_in, Move::Grade, Offer::Stands).await?;
            moved(db, asked, trade_in, Move::Return, Offer::Stands).await
        }
    }
}

async fn pay(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    trade_in: &mut TradeIn,
    rule: &TradeInRule,
) -> Result<Credited, ActError> {
    let member = members::by_external_id(db, asked.tenant, &trade_in.member_external_id).await?;
    let member = member.ok_or(ActError::NoMember)?;
    moved(db, asked, trade_in, Move::Credit, Offer::Stands).await?;
    Ok(credit(db, asked, settings, trade_in, rule, member).await?)
}

//! Statements that may read a large table whole, each with its reason.

/// By a part of the statement's text, in which white space counts as one space; the index or table that it may read,
/// `*` for any; why.
pub(crate) const ALLOWED: [(&str, &str, &str); 41] = [
    // Proofs and figures over all that a shop has, when somebody asks for them.
    ("as \"violations!\"", "*", "verify: a proof over everything, which scans by settings of its own"),
    ("select (select count(*) from members where tenant_id = $1)", "*", "verify: what there was to prove"),
    (
        "select currency, sum(balance_minor)::bigint as \"balance_minor!\"",
        "*",
        "verify: what there was to prove",
    ),
    ("-- What was owed to members at an instant", "*", "a report over all entries of a shop"),
    ("-- Each month's movements by currency", "*", "a report over all entries of a shop"),
    ("-- Marks what a shop owes now", "*", "once a day for each shop, by its balances and not its entries"),
    ("-- What a monthly run would do", "*", "a preview is about each member"),
    (
        "-- What taking back a run's grants would do",
        "*",
        "lots have no index by run: it would cost each grant a write",
    ),
    // What a run is about is found once for the run.
    (
        "-- Cuts the members whose tier a review has to look at",
        "*",
        "once a day for each shop, about each member",
    ),
    (
        "-- Cuts the members whom a run has granted something",
        "*",
        "lots have no index by run: it would cost each grant a write",
    ),
    ("-- Cuts the members who have an account", "*", "a comparison with Shopify is about each account"),
    // A snapshot is a shop as a whole.
    ("-- A shop's members as of an instant", "*", "a snapshot is about each member"),
    ("-- Sums over credit, in the shop's currency", "*", "a snapshot is about each entry"),
    ("-- Sums over orders: months", "*", "a snapshot is about each order"),
    (
        "-- Snapshots whose single members are not needed",
        "*",
        "a shop has one a day, as long as they are kept; here they seem 10,000",
    ),
    (
        "-- What each arm did from the campaign's start",
        "*",
        "a campaign is measured once, against all who were not in it",
    ),
    (
        "select tiers.id, tiers.handle, tiers.rank, tiers.tag",
        "*",
        "how many are in each tier is counted, for a person or an agent",
    ),
    // The law asks for all of it.
    (
        "-- Forgets a person, by customer id or by address",
        "*",
        "whoever is to be forgotten may be named in any event",
    ),
    ("-- Forgets everybody of a shop", "*", "all members and events of a shop"),
    // Shops and schedules are a hundred thousand, and asked for as a whole.
    (
        "shadow_since, live_since from tenants order by handle",
        "*",
        "each shop in turn: housekeeping and people's commands",
    ),
    (
        "shadow_since, live_since from tenants where ($1::bigint is null",
        "tenants_handle_key",
        "a page in the order of handles",
    ),
    (
        "select id from schedules where next_fire_at > clock_timestamp()",
        "*",
        "each schedule is looked at when settings may have changed",
    ),
    (
        "select s.name, t.handle as \"tenant_handle?\", s.task, s.cron",
        "*",
        "the list of schedules has no pages",
    ),
    (
        "select t.handle as \"tenant_handle?\", l.task, l.running_max",
        "tenants_pkey",
        "a list without pages, with each one's shop",
    ),
    (
        "select b.dependency, t.handle as \"tenant_handle?\", b.failures",
        "tenants_pkey",
        "a list without pages, with each one's shop",
    ),
    (
        "-- What became of fires of shops' own schedules",
        "*",
        "counted beside the page, and kept (docs/benchmarks.md)",
    ),
    ("-- What became of fires, for each tenant that was there", "*", "for one shop, or where there are few"),
    ("-- What became of fires for some of many shops", "schedules_pkey", "counted beside the page, and kept"),
    (
        "-- What became of a fire that is every shop's",
        "tenants_pkey",
        "counted once when the fire has ended, and kept",
    ),
    ("-- Fires that are every shop's", "schedules_pkey", "counted beside the page, and kept"),
    (
        "-- The oldest event whose shop a tenant has by now",
        "tenants_domain_begins",
        "only where events wait whose shop is unknown, from the index alone",
    ),
    // People look for what is seldom, newest first, a page at a time.
    ("-- Runs, newest first", "runs_ended_badly", "of what ended badly most is dead"),
    ("-- How many runs match", "runs_ended_badly", "of what ended badly most is dead"),
    ("-- Runs, newest first", "runs_roots", "what events wish for is most of them; the others have an index"),
    (
        "-- How many runs match",
        "runs_roots",
        "what events wish for is most of them; the others have an index",
    ),
    (
        "-- Dead letters by any of these",
        "dead_letters_pkey",
        "what nobody has seen to is few, and an act reads it whole",
    ),
    (
        "-- Dead letters by any of these",
        "dead_letters_run",
        "its plan for any arguments costs more than those for particular ones, and is not taken",
    ),
    (
        "select id, at, actor, act, subject, reason from audit_log",
        "audit_log_pkey",
        "by what was done, newest first: people do little",
    ),
    (
        "-- A tenant's events, newest first",
        "*",
        "by topic, source or state within one shop: an index more would cost each event a write",
    ),
    (
        "-- Mails of a tenant, newest first",
        "*",
        "by day or state within one shop: an index more would cost each mail a write",
    ),
    ("select state, currency, count(*) as \"pushes!\"", "*", "how a shop's wallets stand, for a person"),
];

/// Lists that are narrowed by what is asked for: each is planned anew (`plan_cache_mode`), so it has no plan for any arguments.
const PLANNED_ANEW: [&str; 2] = ["-- Runs, newest first. It is planned anew", "planned anew as well"];

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Which of them lets a statement read that.
pub(crate) fn position(text: &str, of: &str) -> Option<usize> {
    let text = squeezed(text);
    ALLOWED.iter().position(|(part, what, _)| text.contains(part) && (*what == "*" || *what == of))
}

/// Whether a statement is never planned for any arguments.
pub(crate) fn planned_anew(text: &str) -> bool {
    let text = squeezed(text);
    PLANNED_ANEW.iter().any(|part| text.contains(part))
}

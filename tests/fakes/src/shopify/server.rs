//! The HTTP side: routes, statuses, headers, and the faults of the wire.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, Response, header};
use axum::routing::post;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tradeup_domain::{Currency, MoneyError};
use uuid::Uuid;

use super::clock::Clock;
use super::connection::{CutListener, Scissors};
use super::fault::{self, Fault, Scheduled};
use super::graphql::{Call, Surroundings, answer};
use super::ledger::Account;
use super::shop::{Shop, ShopSetup};
use super::{bulk, control, oauth};

/// A running stand-in. It ends when this is dropped.
#[derive(Debug)]
pub struct FakeShopify {
    address: SocketAddr,
    pub(super) shared: Shared,
    serving: JoinHandle<()>,
}

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    address: SocketAddr,
    world: Arc<Mutex<World>>,
}

#[derive(Debug)]
struct World {
    shops: BTreeMap<String, Shop>,
    next_account: u64,
    next_transaction: u64,
}

/// What goes back over the wire.
struct Reply {
    status: u16,
    content_type: &'static str,
    retry_after: Option<String>,
    body: String,
}

impl FakeShopify {
    /// Starts on 127.0.0.1 at `port` (0: any that is free).
    ///
    /// # Errors
    /// When the port can't be had.
    pub async fn start(clock: Clock, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let world =
            World { shops: BTreeMap::new(), next_account: 1_300_100_200, next_transaction: 9_900_001 };
        let shared = Shared { clock, address, world: Arc::new(Mutex::new(world)) };
        let routes = Router::new()
            .route("/{shop}/admin/api/{version}/graphql.json", post(by_prefix))
            .route("/{shop}/admin/oauth/access_token", post(refresh_by_prefix))
            .route("/admin/api/{version}/graphql.json", post(by_host))
            .route("/admin/oauth/access_token", post(refresh_by_host))
            .merge(control::routes())
            .merge(bulk::routes())
            .with_state(shared.clone())
            .into_make_service_with_connect_info::<Scissors>();
        let serving = tokio::spawn(async move {
            // It never returns an error: accepting is tried again.
            drop(axum::serve(CutListener(listener), routes).await);
        });
        Ok(Self { address, shared, serving })
    }

    /// `http://127.0.0.1:<port>`: what a client takes for its base.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Adds a shop, or begins one anew.
    ///
    /// # Errors
    /// When its currency is none.
    pub fn add_shop(&self, setup: ShopSetup) -> Result<(), MoneyError> {
        self.shared.add_shop(setup)
    }

    /// Schedules a fault; `false` if there is no such shop.
    pub fn fault(&self, shop: &str, scheduled: impl Into<Scheduled>) -> bool {
        self.with_shop(shop, |shop| shop.faults.push(scheduled.into())).is_some()
    }

    /// Looks at a shop or changes it. Expiries that are due are booked first.
    pub fn with_shop<T>(&self, shop: &str, look: impl FnOnce(&mut Shop) -> T) -> Option<T> {
        self.shared.with_shop(shop, look)
    }

    /// Waits for as long as it runs.
    pub async fn serve(&mut self) {
        drop((&mut self.serving).await);
    }
}

impl Drop for FakeShopify {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    pub(crate) fn add_shop(&self, setup: ShopSetup) -> Result<(), MoneyError> {
        let mut world = self.world();
        let number = 60_000_000_000 + u64::try_from(world.shops.len()).unwrap_or(0);
        let mut shop = Shop::new(setup, number, self.clock.now())?;
        shop.files = format!("http://{}", self.address);
        world.shops.insert(shop.domain.clone(), shop);
        Ok(())
    }

    pub(crate) fn with_shop<T>(&self, shop: &str, look: impl FnOnce(&mut Shop) -> T) -> Option<T> {
        let mut world = self.world();
        let World { shops, next_transaction, .. } = &mut *world;
        let shop = shops.get_mut(shop)?;
        for account in &mut shop.accounts {
            account.expire(self.clock.now(), next_transaction);
        }
        Some(look(shop))
    }

    /// Does something with an owner's account, which is opened if there is none; ends that are due come first.
    /// `None` if there is no such shop.
    pub(super) fn on_account<T>(
        &self,
        shop: &str,
        owner: &str,
        currency: Currency,
        act: impl FnOnce(&mut Account, DateTime<Utc>, &mut u64) -> T,
    ) -> Option<T> {
        let mut world = self.world();
        let World { shops, next_transaction, next_account } = &mut *world;
        let now = self.clock.now();
        let shop = shops.get_mut(shop)?;
        let place = shop.account_of(owner, currency).unwrap_or_else(|| {
            *next_account += 1;
            shop.accounts.push(Account::open(*next_account, owner.to_owned(), currency));
            shop.accounts.len() - 1
        });
        let account = shop.accounts.get_mut(place)?;
        account.expire(now, next_transaction);
        Some(act(account, now, next_transaction))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Executes a call; `twice` and `throttle` as the fault of this call says.
    fn execute(&self, shop: &str, call: &Result<Call, Value>, fault: Option<&Fault>) -> Reply {
        let mut world = self.world();
        let World { shops, next_account, next_transaction } = &mut *world;
        let body = match (shops.get_mut(shop), call) {
            (Some(shop), Ok(call)) => {
                let mut around = Surroundings {
                    now: self.clock.now(),
                    next_account,
                    next_transaction,
                    twice: fault == Some(&Fault::DuplicateApply),
                    throttle: fault == Some(&Fault::Throttle),
                };
                answer(shop, call, &mut around)
            }
            (_, Err(bad)) => bad.clone(),
            (None, _) => return Reply::text(404, "Not Found"),
        };
        Reply::json(200, &body)
    }

    /// Counts the call, takes its fault, and tells what refuses it before it is read.
    fn admit(
        &self,
        shop: &str,
        version: &str,
        headers: &HeaderMap,
        root: &str,
    ) -> (Option<Fault>, Option<Reply>) {
        let mut world = self.world();
        let known_version =
            version.len() == 7 && version.starts_with("20") && version.as_bytes().get(4) == Some(&b'-');
        let Some(shop) = world.shops.get_mut(shop).filter(|_| known_version) else {
            return (None, Some(Reply::text(404, "Not Found")));
        };
        shop.calls += 1;
        let fault = fault::take(&mut shop.faults, root);
        let token = headers.get("x-shopify-access-token").and_then(|token| token.to_str().ok());
        let alive = shop.token_expires_at.is_none_or(|at| at > self.clock.now());
        let refusal = if token != Some(shop.token.as_str()) || !alive {
            let text = "[API] Invalid API key or access token (unrecognized login or wrong password)";
            Some(Reply::text(401, text))
        } else if shop.frozen {
            Some(Reply::text(402, "Unavailable Shop"))
        } else if shop.locked {
            Some(Reply::text(423, "This shop is unavailable"))
        } else {
            None
        };
        (fault, refusal)
    }
}

type Cut = ConnectInfo<Scissors>;

async fn by_prefix(
    State(shared): State<Shared>,
    ConnectInfo(scissors): Cut,
    Path((shop, version)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    graphql(&shared, &scissors, &shop, &version, &headers, &body).await
}

async fn by_host(
    State(shared): State<Shared>,
    ConnectInfo(scissors): Cut,
    Path(version): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    graphql(&shared, &scissors, &host(&headers), &version, &headers, &body).await
}

async fn refresh_by_prefix(
    State(shared): State<Shared>,
    ConnectInfo(scissors): Cut,
    Path(shop): Path<String>,
    body: Bytes,
) -> Response<Body> {
    refresh(&shared, &scissors, &shop, &body).await
}

async fn refresh_by_host(
    State(shared): State<Shared>,
    ConnectInfo(scissors): Cut,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    refresh(&shared, &scissors, &host(&headers), &body).await
}

fn host(headers: &HeaderMap) -> String {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned()
}

async fn graphql(
    shared: &Shared,
    scissors: &Scissors,
    shop: &str,
    version: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Response<Body> {
    let call = Call::read(body);
    let root = call.as_ref().map_or("", |call| call.root);
    let (fault, refusal) = shared.admit(shop, version, headers, root);
    let execute = || match refusal {
        Some(refusal) => refusal,
        None => shared.execute(shop, &call, fault.as_ref()),
    };
    let mut response = spoil(fault.as_ref(), scissors, execute).await.response();
    if let Ok(version) = version.parse() {
        response.headers_mut().insert("x-shopify-api-version", version);
    }
    response
}

async fn refresh(shared: &Shared, scissors: &Scissors, shop: &str, body: &[u8]) -> Response<Body> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let fault = shared.with_shop(shop, |shop| fault::take(&mut shop.faults, "refresh")).flatten();
    let execute = || {
        let answered = shared.with_shop(shop, |shop| oauth::refresh(shop, &body, shared.clock.now()));
        let Some((status, mut pair)) = answered else { return Reply::text(404, "Not Found") };
        if let (Some(Fault::RefreshWithoutExpiresIn), Some(fields)) = (&fault, pair.as_object_mut()) {
            fields.remove("expires_in");
            fields.remove("refresh_token_expires_in");
        }
        Reply::json(status, &pair)
    };
    spoil(fault.as_ref(), scissors, execute).await.response()
}

/// Executes the call, if and when its fault lets it, and spoils the answer as it says.
async fn spoil(fault: Option<&Fault>, scissors: &Scissors, execute: impl FnOnce() -> Reply) -> Reply {
    let instead = |applied: bool, reply: Reply, execute: Box<dyn FnOnce() -> Reply + '_>| {
        if applied {
            drop(execute());
        }
        reply
    };
    let internal = json!({ "errors": [{ "message": "Internal error. Looks like something went wrong on our end.",
        "extensions": { "code": "INTERNAL_SERVER_ERROR", "requestId": Uuid::new_v4() } }] });
    match fault {
        None | Some(Fault::DuplicateApply | Fault::Throttle | Fault::RefreshWithoutExpiresIn) => execute(),
        Some(Fault::DropBefore) => {
            scissors.cut();
            Reply::text(500, "never seen")
        }
        Some(Fault::DropAfter | Fault::RefreshLost) => {
            let reply = execute();
            scissors.cut();
            reply
        }
        Some(Fault::Delay { ms, applied: true }) => {
            let reply = execute();
            late(*ms).await;
            reply
        }
        Some(Fault::Delay { ms, applied: false }) => {
            late(*ms).await;
            execute()
        }
        Some(Fault::Status { code, retry_after, applied }) => {
            let text = Reply::text(*code, "told to fail");
            let reply = Reply { retry_after: retry_after.clone(), ..text };
            instead(*applied, reply, Box::new(execute))
        }
        Some(Fault::Answer { code, body, retry_after }) => Reply {
            status: *code,
            content_type: "application/json; charset=utf-8",
            retry_after: retry_after.clone(),
            body: body.clone(),
        },
        Some(Fault::HtmlBody { applied }) => {
            let body = "<html><body>Service unavailable</body></html>".to_owned();
            let reply = Reply { status: 503, content_type: "text/html", retry_after: None, body };
            instead(*applied, reply, Box::new(execute))
        }
        Some(Fault::InternalError { applied }) => {
            instead(*applied, Reply::json(200, &internal), Box::new(execute))
        }
        Some(Fault::TruncatedJson) => {
            let mut reply = execute();
            let half = reply.body.len() / 2;
            reply.body.truncate((0..=half).rev().find(|at| reply.body.is_char_boundary(*at)).unwrap_or(0));
            reply
        }
    }
}

async fn late(ms: u64) {
    drop(tokio::time::timeout(Duration::from_millis(ms), std::future::pending::<()>()).await);
}

impl Reply {
    fn json(status: u16, body: &Value) -> Self {
        let content_type = "application/json; charset=utf-8";
        Self { status, content_type, retry_after: None, body: body.to_string() }
    }

    /// `{"errors": "text"}`, as outside GraphQL (reference §7.2).
    fn text(status: u16, text: &str) -> Self {
        Self::json(status, &json!({ "errors": text }))
    }

    fn response(self) -> Response<Body> {
        let mut builder = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, self.content_type)
            .header("x-request-id", Uuid::new_v4().to_string());
        if let Some(seconds) = self.retry_after {
            builder = builder.header(header::RETRY_AFTER, seconds);
        }
        builder.body(Body::from(self.body)).unwrap_or_default()
    }
}

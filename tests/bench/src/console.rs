//! The console over many runs: how long pages and lists take, how large a first load is, how soon a change is on
//! screen, and how many live pages one process holds.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Map, Value, json};
use sqlx::AssertSqlSafe;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tradeup_harness::{Shop, World, pause};

use crate::figures::percentile;
use crate::servers;

const PASSWORD: &str = "correct horse battery staple";
/// So many of the first requests of each page are not counted.
const WARMING: usize = 20;
const SETTLING: Duration = Duration::from_secs(15);

/// Pages of the console, with many runs and members.
#[derive(Args)]
pub(crate) struct Console {
    /// Runs.
    #[arg(long, default_value_t = 10_000_000)]
    runs: u64,
    /// Members of the shop that is looked at.
    #[arg(long, default_value_t = 1_000_000)]
    members: u64,
    /// How often each page is asked for.
    #[arg(long, default_value_t = 100)]
    times: usize,
    /// Live pages at the same time.
    #[arg(long, default_value_t = 500)]
    live: usize,
}

impl Console {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut world = servers::world().await;
        world.add_shop(&Shop::new("aurora", 10, 1));
        for number in 0..20 {
            let handle = format!("shop-{number}");
            world.tradeup_ok(&["tenant", "add", &handle, "--currency", "USD", "--tier", "gold=5.00"]);
        }
        eprintln!("making {} runs and {} members", self.runs, self.members);
        // Up to now, so that the overview has as much to count as it can have.
        let (begun, next_day): (String, String) = sqlx::query_as(
            r#"select to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                to_char(at + interval '1 day', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            from (select (now() - interval '90 days') at time zone 'UTC' as at) as begun"#,
        )
        .fetch_one(&world.database.admin)
        .await?;
        self.fill(&world, &begun).await?;
        let added = world.tradeup_fed(
            &["user", "add", "adam", "--role", "admin", "--password-stdin"],
            &format!("{PASSWORD}\n"),
        );
        ensure!(added.code == 0, "{}", added.stderr);
        world.environment.insert("TRADEUP_CONSOLE".to_owned(), "127.0.0.1:0".to_owned());
        let _scheduler = world.start("scheduler").await;
        let _credits = world.start("credits").await;
        let console = world.start("console").await;
        let client = Client::signed_in(console.http_port().await).await?;
        // What is counted once, when a console starts, is no part of a page.
        pause(SETTLING).await;

        let some: (String, String, String, String) = sqlx::query_as(
            "select (select id::text from runs where parent_id is null order by id desc limit 1),
                (select id::text from runs where state = 'dead' order by id limit 1),
                (select fingerprint from dead_letters limit 1),
                (select external_id from members where tenant_id = 1 order by id offset 500 limit 1)",
        )
        .fetch_one(&world.database.admin)
        .await?;
        let (run, dead, group, member) = some;
        let pages = [
            "/".to_owned(),
            "/alerts".to_owned(),
            "/runs".to_owned(),
            "/runs?all=1".to_owned(),
            "/runs?state=dead&all=1".to_owned(),
            "/runs?state=cancelled&all=1".to_owned(),
            "/runs?state=queued&all=1".to_owned(),
            "/runs?task=rare".to_owned(),
            "/runs?task=settle-order&state=dead".to_owned(),
            "/runs?tenant=shop-7".to_owned(),
            "/runs?trigger=manual&all=1".to_owned(),
            "/runs?error=TU0104&all=1".to_owned(),
            "/runs?task=settle-order&error=TU0104&all=1".to_owned(),
            "/runs/many?task=settle-order&state=dead".to_owned(),
            "/runs?key=key-1234567".to_owned(),
            format!("/runs?all=1&since={begun}&until={next_day}"),
            format!("/runs?all=1&before={dead}"),
            format!("/runs/{run}"),
            format!("/runs/{dead}"),
            "/schedules".to_owned(),
            "/tasks".to_owned(),
            "/tasks/settle-order".to_owned(),
            "/dead".to_owned(),
            format!("/dead/{group}"),
            "/shops".to_owned(),
            "/shops/aurora".to_owned(),
            "/shops/aurora/ledger".to_owned(),
            format!("/shops/aurora/members/{member}"),
            "/audit".to_owned(),
            "/settings".to_owned(),
            "/api/v1/overview".to_owned(),
            "/api/v1/runs?all=1".to_owned(),
            "/api/v1/dead-letters".to_owned(),
        ];
        let mut figures = Map::new();
        for page in &pages {
            figures.insert(
                page.replace(&run, "RUN").replace(&dead, "DEAD").replace(&begun, "BEGUN"),
                self.measure(&client, page).await?,
            );
        }
        let asset = client.get("/sign-in").await?.1;
        let style = asset.split("href=\"").find_map(|rest| {
            rest.split('"').next().filter(|address| address.ends_with("console.css")).map(str::to_owned)
        });
        let style = style.context("no style")?;
        let floor = self.measure(&client, &style).await?;
        let script = style.replace("console.css", "console.js");
        let mut first_load = 0;
        for path in ["/", style.as_str(), script.as_str()] {
            first_load += client.get(path).await?.1.len();
        }
        let live = self.live_pages(&world, &client, &run).await?;
        let shown = json!({ "runs": self.runs, "members": self.members, "pages": figures, "floor_asset": floor,
            "first_load_bytes": first_load, "live": live });
        println!("{}", serde_json::to_string_pretty(&shown)?);
        Ok(())
    }

    /// Runs of ninety days, a hundred to a tree, one in fifty dead, one in two hundred cancelled, and a backlog.
    async fn fill(&self, world: &World, begun: &str) -> anyhow::Result<()> {
        let (runs, members) = (self.runs, self.members);
        let statements = format!(
            "create function bench_id(n bigint) returns uuid language sql immutable as $$
                select (lpad(to_hex((extract(epoch from timestamptz '{begun}')::bigint * 1000
                    + n * 86400000 * 90 / {runs})), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8'
                    || substr(md5(n::text), 1, 15))::uuid $$;
             insert into runs (id, tenant_id, task, key, trigger, triggered_by, parent_id, root_id, state, payload,
                scheduled_for, attempt, max_attempts, error_code, error, result, created_at, started_at, finished_at)
             select bench_id(n), 1 + n % 21,
                case when n % 100000 = 77 then 'rare' when n % 3 = 0 then 'settle-order'
                    when n % 3 = 1 then 'monthly-credits-batch' else 'enrol-customer' end,
                'key-' || n, case when n % 1000 = 7 then 'manual' else 'event' end, 'orders', case when n % 100 > 0 then bench_id(n - n % 100) end,
                bench_id(n - n % 100),
                case when n > {runs} - 10000 then 'queued' when n % 50 = 3 then 'dead' when n % 200 = 5 then 'cancelled'
                    else 'succeeded' end,
                '', at, 1, 8, case when n <= {runs} - 10000 and n % 50 = 3 then 'TU0104' end,
                case when n <= {runs} - 10000 and (n % 50 = 3 or n % 200 = 5) then 'it could not be done' end,
                case when n <= {runs} - 10000 and n % 50 <> 3 then '{{}}'::jsonb end,
                at, at, case when n <= {runs} - 10000 then at + interval '1 second' end
             from (select n, timestamptz '{begun}' + n * interval '90 days' / {runs} as at
                from generate_series(1::bigint, {runs}) as n) as made;
             insert into dead_letters (id, run_id, tenant_id, task, subject, message, code, errors, fingerprint, build,
                dead_at)
             select gen_random_uuid(), id, tenant_id, task, 'jobs', '', 'TU0104', array['it could not be done'],
                'f' || id_number % 20, 'b', finished_at
             from (select *, row_number() over () as id_number from runs
                where finished_at is not null and error_code is not null order by id desc limit 20000) as dead;
             insert into members (tenant_id, id, external_id)
             select 1, gen_random_uuid(), 'b' || n from generate_series(1, {members}) as n;
             insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key, granted_minor,
                remaining_minor, available_at, anchor_on, expires_at, ends_at, note)
             select 1, gen_random_uuid(), id, 'USD', 'promotional', 'granted', 'b-' || external_id, 500, 500,
                now() - interval '1 day', current_date, now() + interval '90 days', now() + interval '90 days', 'bench'
             from members where tenant_id = 1 and external_id like 'b%';
             insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
                effective_at, run_id)
             select 1, id, id, member_id, 'USD', 'grant', 500, 'grant', now() - interval '1 day', gen_random_uuid()
             from lots where source_key like 'b-%';
             insert into accounts (tenant_id, member_id, currency, balance_minor)
             select 1, id, 'USD', 500 from members where tenant_id = 1 and external_id like 'b%';"
        );
        let mut session = world.database.admin.acquire().await?;
        for statement in ["set session_replication_role = replica", &statements, "vacuum analyze"] {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *session).await?;
        }
        Ok(())
    }

    async fn measure(&self, client: &Client, path: &str) -> anyhow::Result<Value> {
        let mut each = Vec::with_capacity(self.times);
        let mut bytes = 0;
        // The first ones read what nobody has read for long, and are told by themselves.
        for _ in 0..self.times + WARMING {
            let begun = Instant::now();
            let (status, body) = client.get(path).await?;
            each.push((begun.elapsed().as_secs_f64() * 100_000.0).round() / 100.0);
            ensure!(status == 200, "{path} answers {status}: {body}");
            bytes = body.len();
        }
        let warm = each.split_off(WARMING);
        let first = each.into_iter().fold(0.0, f64::max);
        Ok(json!({ "p50_ms": percentile(&warm, 50), "p99_ms": percentile(&warm, 99), "first_ms": first,
            "bytes": bytes }))
    }

    /// From the commit of a change to the event of each live page.
    async fn live_pages(&self, world: &World, client: &Client, run: &str) -> anyhow::Result<Value> {
        let mut pages = Vec::with_capacity(self.live);
        for _ in 0..self.live {
            pages.push(client.open(&format!("/live?run={run}")).await?);
        }
        // What is looked at first is no change.
        pause(Duration::from_secs(2)).await;
        sqlx::query("update runs set error = 'changed' where id = $1::uuid")
            .bind(run)
            .execute(&world.database.admin)
            .await?;
        sqlx::query("update runs set attempt = attempt + 1 where id = $1::uuid")
            .bind(run)
            .execute(&world.database.admin)
            .await?;
        let committed = Instant::now();
        let waiting = pages.into_iter().map(|mut page| async move {
            let mut buffer = vec![0; 4096];
            loop {
                let read = page.read(&mut buffer).await?;
                ensure!(read > 0, "the stream ended");
                if String::from_utf8_lossy(buffer.get(..read).unwrap_or_default()).contains("changed") {
                    return Ok(committed.elapsed());
                }
            }
        });
        let mut each = futures::future::try_join_all(waiting).await?;
        each.sort_unstable();
        let ms =
            |time: Option<&Duration>| time.map_or(0.0, |time| (time.as_secs_f64() * 1e5).round() / 100.0);
        Ok(json!({ "pages": each.len(), "p50_ms": ms(each.get(each.len() / 2)), "last_ms": ms(each.last()) }))
    }
}

/// A browser of one person, a connection for each request.
struct Client {
    port: u16,
    cookie: String,
}

impl Client {
    async fn signed_in(port: u16) -> anyhow::Result<Self> {
        let body = format!("name=adam&password={}&next=%2F", PASSWORD.replace(' ', "+"));
        let request = format!(
            "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = ask(port, &request).await?;
        let cookie = answer
            .lines()
            .find_map(|line| line.to_lowercase().starts_with("set-cookie: ").then(|| line.to_owned()))
            .context("nobody is signed in")?;
        let cookie = cookie.split_once(": ").and_then(|(_, rest)| rest.split(';').next());
        Ok(Self { port, cookie: cookie.unwrap_or_default().to_owned() })
    }

    fn request(&self, path: &str, connection: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\nCookie: {}\r\n\r\n",
            self.cookie
        )
    }

    async fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let answer = ask(self.port, &self.request(path, "close")).await?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok((status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
    }

    async fn open(&self, path: &str) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(self.request(path, "keep-alive").as_bytes()).await?;
        Ok(stream)
    }
}

async fn ask(port: u16, request: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

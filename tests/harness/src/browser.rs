//! A real browser: Chromium without a window, through WebDriver.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

use crate::{eventually, repository};

const SOON: Duration = Duration::from_secs(20);

/// Where `tests/tools/browser` says that the browser, its driver and axe-core are.
static TOOLS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let found = Command::new(repository().join("tests/tools/browser")).output().expect("the script runs");
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    String::from_utf8_lossy(&found.stdout)
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
});

/// What keeps a browser from speaking to anybody but this machine, and from outliving its driver.
const ARGUMENTS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    // It ends when its driver does, however that ends.
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--no-pings",
    "--disable-features=AutofillServerCommunication,MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,Translate",
];

/// How a browser is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrowserSetup {
    /// Pages may run scripts.
    pub script: bool,
    /// Its reader likes it dark.
    pub dark: bool,
    /// Its window's width, in pixels.
    pub width: u32,
}

impl Default for BrowserSetup {
    fn default() -> Self {
        Self { script: true, dark: false, width: 1280 }
    }
}

/// A browser with its driver, both ended when dropped.
pub struct Browser {
    session: Client,
    driver: Child,
    /// Where the site is, like `http://127.0.0.1:8090`.
    site: String,
    home: Option<TempDir>,
}

impl Browser {
    /// Starts one for a site.
    pub async fn start(site: String, setup: BrowserSetup) -> Self {
        let home = tempfile::tempdir().unwrap();
        // From this thread, with which it ends.
        let mut driver = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", &TOOLS["TRADEUP_CHROMEDRIVER"], "--port=0"])
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                Some(line.split_once("started successfully on port ")?.1.trim_end_matches('.').to_owned())
            })
            .expect("chromedriver says its port");
        // What it says later has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));

        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", home.path().join("profile").display()));
        arguments.push(format!("--window-size={},900", setup.width.max(500)));
        let wanted = json!({ "goog:chromeOptions": {
            "binary": TOOLS["TRADEUP_CHROMIUM"],
            "args": arguments,
            "prefs": {
                "browser.enable_spellchecking": false,
                "credentials_enable_service": false,
                "profile.password_manager_leak_detection": false,
                "profile.managed_default_content_settings.javascript": if setup.script { 1 } else { 2 },
            },
        } });
        let session = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a session");
        let browser = Self { session, driver, site, home: Some(home) };
        if setup.dark {
            let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
            browser.devtools("Emulation.setEmulatedMedia", features).await;
        }
        if setup.width < 500 {
            let screen =
                json!({ "width": setup.width, "height": 844, "deviceScaleFactor": 1, "mobile": true });
            browser.devtools("Emulation.setDeviceMetricsOverride", screen).await;
        }
        browser
    }

    /// Sets the zone that its reader is in, by its IANA name.
    pub async fn live_in(&self, zone: &str) {
        self.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
    }

    async fn devtools(&self, command: &'static str, how: Value) {
        self.session.issue_cmd(DevTools { command, how }).await.unwrap();
    }

    /// The session, for all that is not here.
    #[must_use]
    pub fn session(&self) -> &Client {
        &self.session
    }

    /// Goes to a path of the site.
    pub async fn go(&self, path: &str) {
        self.session.goto(&format!("{}{path}", self.site)).await.unwrap();
    }

    /// The path that it is at, with what is asked.
    pub async fn path(&self) -> String {
        let url = self.session.current_url().await.unwrap();
        url.as_str().trim_start_matches(&self.site).to_owned()
    }

    /// Waits for an element by its CSS selector.
    pub async fn find(&self, selector: &str) -> Element {
        eventually(&format!("{selector} is on the page"), SOON, || async {
            self.session.find(Locator::Css(selector)).await.ok()
        })
        .await
    }

    /// Waits for a page that says this.
    pub async fn says(&self, text: &str) {
        eventually(&format!("the page says {text:?}"), SOON, || async {
            self.text().await.contains(text).then_some(())
        })
        .await;
    }

    /// All that the page says.
    pub async fn text(&self) -> String {
        match self.session.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_between_pages) => String::new(),
        }
    }

    /// Writes into a field.
    pub async fn fill(&self, selector: &str, text: &str) {
        eventually(&format!("{selector} is filled in"), SOON, || async {
            let field = self.session.find(Locator::Css(selector)).await.ok()?;
            field.clear().await.ok()?;
            field.send_keys(text).await.ok()
        })
        .await;
    }

    /// Presses what is named by this selector.
    pub async fn press(&self, selector: &str) {
        // A live page may have been written anew between the two.
        eventually(&format!("{selector} is pressed"), SOON, || async {
            self.session.find(Locator::Css(selector)).await.ok()?.click().await.ok()
        })
        .await;
    }

    /// Types on the keyboard, wherever the focus is.
    pub async fn type_keys(&self, keys: &str) {
        let strokes = keys.chars().fold(KeyActions::new("keyboard".to_owned()), |strokes, value| {
            strokes.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.session.perform_actions(strokes).await.unwrap();
    }

    /// The element that has the focus: what it says, and its `href`. Asked at once: a live page puts others in the place of
    /// elements at any time.
    pub async fn focused(&self) -> (String, Option<String>) {
        let script = "const element = document.activeElement; return [element.innerText.trim(), element.getAttribute('href')];";
        let found = self.session.execute(script, vec![]).await.unwrap();
        serde_json::from_value(found).unwrap()
    }

    /// What axe-core finds wrong with the page, a line each: rule, how bad, and where.
    pub async fn barriers(&self) -> Vec<String> {
        let axe = std::fs::read_to_string(&TOOLS["TRADEUP_AXE"]).expect("axe-core is installed");
        self.session.execute(&axe, vec![]).await.unwrap();
        let run = "const done = arguments[0]; axe.run(document).then(found => done(found.violations.flatMap(\
            rule => rule.nodes.map(node => `${rule.id} (${rule.impact}): ${node.target} ${node.failureSummary}`))));";
        let found = self.session.execute_async(run, vec![]).await.unwrap();
        serde_json::from_value(found).unwrap()
    }

    /// How much wider the page is than its window, in pixels.
    pub async fn overflow(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
        self.session.execute(script, vec![]).await.unwrap().as_i64().unwrap()
    }
}

/// A command of Chromium's own, which WebDriver has none for.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    how: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, driver: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        driver.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _url: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.command, "params": self.how }).to_string()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ended = self.driver.kill();
        let _waited = self.driver.wait();
        // The browser notices within half a second; until then it has the folder in use.
        let home = self.home.take().map(TempDir::keep);
        let gone = |path: &std::path::Path| std::fs::remove_dir_all(path).is_ok() || !path.exists();
        let begun = std::time::Instant::now();
        if let Some(path) = home {
            while !gone(&path) && begun.elapsed() < Duration::from_secs(5) {
                std::thread::park_timeout(Duration::from_millis(20));
            }
        }
    }
}

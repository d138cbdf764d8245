//! Prints the URL of a fresh database with the schema of the migrations as they are.

use tradeup_harness::{Database, Servers};

#[tokio::main]
async fn main() {
    let environment = Servers::shared().environment();
    let database = Database::create(&environment).await;
    println!("{}", database.owner_url);
    database.keep();
}

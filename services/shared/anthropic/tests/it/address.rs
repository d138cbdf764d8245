//! Where calls go, and what with.

use tradeup_anthropic::{Client, ClientError, ClientOptions};

use crate::server::{KEY, Server, WHOLE, ask, request};

fn refused(address: &str, key: Option<&str>) -> ClientError {
    Client::new(ClientOptions::at(address.parse().unwrap(), key.map(Into::into))).unwrap_err()
}

#[tokio::test]
async fn the_version_may_be_in_the_address_and_is_added_otherwise() {
    let server = Server::start(|| ([("content-type", "application/json")], WHOLE)).await;
    for (path, expected) in [
        ("", "/v1/messages"),
        ("/v1/", "/v1/messages"),
        ("/v1", "/v1/messages"),
        ("/gateway?x=1", "/gateway/v1/messages"),
        ("/gateway/v1", "/gateway/v1/messages"),
    ] {
        ask(&Client::new(server.options(path)).unwrap()).await.unwrap();
        let (uri, headers) = server.seen().pop().unwrap();
        assert_eq!(uri, expected);
        assert_eq!(headers["x-api-key"], KEY);
        assert_eq!(headers["anthropic-version"], "2023-06-01");
        assert_eq!(headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn models_and_counts_are_looked_up_where_they_are() {
    let told = r#"{"id":"a/b","display_name":"B","max_input_tokens":200000,"input_tokens":12}"#;
    let server = Server::start(move || told).await;
    let client = Client::new(server.options("/")).unwrap();
    let model = client.model("a/b?c").await.unwrap();
    assert_eq!(
        (model.display_name.as_str(), model.max_input_tokens, model.max_tokens),
        ("B", Some(200_000), None)
    );
    assert_eq!(client.count_tokens(&request()).await.unwrap(), 12);
    let uris: Vec<String> = server.seen().into_iter().map(|(uri, _)| uri).collect();
    assert_eq!(uris, ["/v1/models/a%2Fb%3Fc", "/v1/messages/count_tokens"]);
}

#[tokio::test]
async fn a_stand_in_on_this_machine_is_asked_without_a_key_and_nobody_else() {
    let server = Server::start(|| ([("content-type", "application/json")], WHOLE)).await;
    let client = Client::new(ClientOptions { key: None, ..server.options("") }).unwrap();
    ask(&client).await.unwrap();
    assert_eq!(server.seen()[0].1["x-api-key"], "offline");
    for address in ["https://api.anthropic.com", "http://10.0.0.1", "http://localhost.example"] {
        assert!(matches!(refused(address, None), ClientError::NoKey(_)), "{address}");
    }
}

#[test]
fn addresses_that_are_none_are_refused_and_no_secret_is_repeated() {
    for address in
        ["ftp://api.example", "https://me:s3cr3t@api.example", "data:s3cr3t", "https://s3cr3t@api.example"]
    {
        let error = refused(address, Some(KEY));
        assert!(matches!(error, ClientError::Address(_)), "{address}");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
    }
    let error = refused("https://api.example", Some("sk\nant-secret"));
    assert!(matches!(error, ClientError::Key) && !format!("{error} {error:?}").contains("secret"));
    let client =
        Client::new(ClientOptions::at("https://api.example".parse().unwrap(), Some(KEY.into()))).unwrap();
    assert!(!format!("{client:?}").contains(KEY));
}

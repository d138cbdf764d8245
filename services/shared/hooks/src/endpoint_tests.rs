//! What is an endpoint, and what is none.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<String, InvalidEndpointUrl> {
    EndpointUrl::parse(text, Reach::Public).map(|url| url.as_str().to_owned())
}

#[test]
fn public_hosts_are_endpoints() {
    for (text, kept) in [
        ("https://shop.example/webhooks", "https://shop.example/webhooks"),
        ("HTTPS://Shop.Example:443", "https://shop.example/"),
        ("https://shop.example.:8443/a b?c=d", "https://shop.example:8443/a%20b?c=d"),
        ("https://läden.example/", "https://xn--lden-loa.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://0x08080808/", "https://8.8.8.8/"),
        ("https://[2606:4700:4700::1111]:1/", "https://[2606:4700:4700::1111]:1/"),
        ("https://127.0.0.1.shop.example/", "https://127.0.0.1.shop.example/"),
        ("https://notlocal.example/", "https://notlocal.example/"),
        ("https://mylocalhost.internals/", "https://mylocalhost.internals/"),
        ("https://@shop.example/", "https://shop.example/"),
    ] {
        assert_eq!(parse(text).as_deref(), Ok(kept), "{text}");
        assert_eq!(parse(kept).as_deref(), Ok(kept), "the same again");
    }
}

#[test]
fn what_is_wrong_is_named() {
    use InvalidEndpointUrl as No;
    let long = format!("https://shop.example/{}", "x".repeat(URL_LEN_MAX));
    let longer = format!("https://shop.example/{}", "ä".repeat(URL_LEN_MAX / 4));
    for (text, error) in [
        ("", No::NoUrl),
        ("shop.example/webhooks", No::NoUrl),
        ("/webhooks", No::NoUrl),
        ("https://", No::NoUrl),
        ("https://.", No::NoUrl),
        ("https://shop..example/", No::NoUrl),
        ("https://shop.example../", No::NoUrl),
        ("https://.shop.example/", No::NoUrl),
        ("https://shop.example:65536/", No::NoUrl),
        ("https://1.2.3.4.5/", No::NoUrl),
        (long.as_str(), No::TooLong),
        (longer.as_str(), No::TooLong),
        ("http://shop.example/", No::NotHttps),
        ("http://8.8.8.8/", No::NotHttps),
        ("ftp://shop.example/", No::NotHttps),
        ("file:///etc/passwd", No::NotHttps),
        ("mailto:ann@shop.example", No::NotHttps),
        ("shop.example:443", No::NotHttps),
        ("https://ann@shop.example/", No::Credentials),
        ("https://:secret@shop.example/", No::Credentials),
        ("https://shop.example/#part", No::Fragment),
        ("https://shop.example/#", No::Fragment),
        ("https://shop.example:0/", No::Port),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
        assert!(error.to_string().starts_with("url: "), "{error}");
    }
}

#[test]
fn no_way_of_writing_a_private_address_is_taken() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "0",
        "0.0.0.0",
        "10.1.2.3",
        "169.254.169.254",
        "0xa9fea9fe",
        "100.100.100.200",
        "192.168.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
        "[2002:a9fe:a9fe::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[ff02::1]",
    ] {
        for url in [format!("https://{host}/"), format!("https://{host}:8443/x")] {
            assert_eq!(parse(&url), Err(InvalidEndpointUrl::Address), "{url}");
        }
    }
}

#[test]
fn no_name_of_a_private_host_is_taken() {
    for host in [
        "localhost",
        "localhost.",
        "LOCALHOST",
        "ｌｏｃａｌｈｏｓｔ",
        "api.localhost",
        "localhost.localdomain",
        "printer.local",
        "printer.local.",
        "metadata.google.internal",
        "internal",
        "router.home.arpa",
        "postgres",
        "postgres.",
        "com",
    ] {
        assert_eq!(parse(&format!("https://{host}/")), Err(InvalidEndpointUrl::LocalName), "{host}");
    }
}

#[test]
fn loopback_is_for_those_who_ask_for_it() {
    let parse = |text: &str| EndpointUrl::parse(text, Reach::Loopback);
    for text in [
        "http://127.0.0.1:8080/hook",
        "https://127.0.0.1:8443/",
        "http://[::1]:8080/",
        "http://localhost:8080/",
        "https://shop.example/",
    ] {
        assert!(parse(text).is_ok(), "{text}");
    }
    for (text, error) in [
        ("http://shop.example/", InvalidEndpointUrl::NotHttps),
        ("http://8.8.8.8/", InvalidEndpointUrl::NotHttps),
        ("http://10.0.0.1/", InvalidEndpointUrl::Address),
        ("https://192.168.0.1/", InvalidEndpointUrl::Address),
        ("https://[::ffff:127.0.0.1]/", InvalidEndpointUrl::Address),
        ("http://0.0.0.0/", InvalidEndpointUrl::Address),
        ("http://postgres/", InvalidEndpointUrl::LocalName),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_log_does_not_get_the_path() {
    let url = EndpointUrl::parse("https://shop.example:8443/hooks/s3cr3t?key=s3cr3t", Reach::Public).unwrap();
    assert_eq!(url.origin(), "https://shop.example:8443");
    assert_eq!(format!("{url:?}"), "EndpointUrl(https://shop.example:8443)");
}

/// Each number as it may be written.
fn number() -> impl Strategy<Value = String> {
    (any::<u32>(), 0..4_usize, 0..3_usize).prop_map(|(n, bytes_left, way)| {
        let n = n >> (8 * bytes_left);
        match way {
            0 => n.to_string(),
            1 => format!("0x{n:x}"),
            _ => format!("0{n:o}"),
        }
    })
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(number(), 1..5).prop_map(|numbers| numbers.join(".")),
        any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).to_string()),
        any::<u128>().prop_map(|bits| format!("[{}]", Ipv6Addr::from(bits))),
        any::<u32>().prop_map(|bits| format!("[{}]", Ipv4Addr::from(bits).to_ipv6_mapped())),
        any::<String>(),
        "[a-z0-9.%@:-]{1,20}",
    ]
}

proptest! {
    #[test]
    fn no_text_is_too_much(text: String) {
        for reach in [Reach::Public, Reach::Loopback] {
            drop(EndpointUrl::parse(&text, reach));
            drop(EndpointUrl::parse(&format!("https://{text}"), reach));
        }
    }

    #[test]
    fn what_is_taken_is_public(host in host(), rest in "[/:?0-9a-z.]{0,6}") {
        if let Ok(url) = EndpointUrl::parse(&format!("https://{host}{rest}"), Reach::Public) {
            prop_assert_eq!(url.url().scheme(), "https");
            match url.url().host() {
                None => prop_assert!(false, "no host"),
                Some(Host::Ipv4(found)) => prop_assert!(address::is_public(found.into()), "{}", found),
                Some(Host::Ipv6(found)) => prop_assert!(address::is_public(found.into()), "{}", found),
                // A name that a resolver could take for a number would get by the check of addresses.
                Some(Host::Domain(name)) => {
                    prop_assert!(name.contains('.') && name.parse::<IpAddr>().is_err(), "{}", name);
                }
            }
            let again = EndpointUrl::parse(url.as_str(), Reach::Public);
            prop_assert_eq!(again.as_ref(), Ok(&url));
        }
    }

    #[test]
    fn a_public_address_is_taken_however_it_is_written(bits: u32) {
        let taken = address::is_public(Ipv4Addr::from(bits).into());
        for text in [Ipv4Addr::from(bits).to_string(), bits.to_string(), format!("{bits:#x}"), format!("0{bits:o}")] {
            prop_assert_eq!(parse(&format!("https://{text}/")).is_ok(), taken, "{}", text);
        }
    }
}

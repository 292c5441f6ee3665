#![allow(clippy::unwrap_used)]
use super::*;

fn flags() -> ServeFlags {
    ServeFlags {
        api_token: Some("e_0123456789_12345_secret".into()),
        environment: Some("e_0123456789".into()),
        tenant: Some("acme".into()),
        ..ServeFlags::default()
    }
}

fn message(change: impl FnOnce(&mut ServeFlags)) -> String {
    let mut flags = flags();
    change(&mut flags);
    Config::check(flags, [0; 16]).unwrap_err().to_string()
}

#[test]
fn defaults_are_the_pages() {
    let config = Config::check(flags(), [0; 16]).unwrap();
    assert_eq!((config.port, config.log_level), (8080, LogLevel::Error));
    assert_eq!(config.directory, PathBuf::from("./.oso"));
    assert_eq!(config.url, "https://api.osohq.com");
    assert_eq!(config.client_id, "00000000-0000-4000-8000-000000000000");
    assert!(config.telemetry && config.error_logging && !config.accept_environment_keys);
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn an_empty_value_is_unset() {
    let mut flags = flags();
    flags.port = Some(String::new());
    flags.log_level = Some(" ".into());
    assert_eq!(Config::check(flags, [0; 16]).unwrap().port, 8080);
    assert!(message(|flags| flags.tenant = Some(String::new())).starts_with("OSO_TENANT is not set"));
}

#[test]
fn a_bad_value_is_one_line_with_variable_value_and_what_is_allowed() {
    type Change = fn(&mut ServeFlags);
    let cases: [(&str, Change); 16] = [
        ("OSO_PORT is `65536`: must be a port from 0 to 65535", |flags| flags.port = Some("65536".into())),
        ("OSO_LOG_LEVEL is `debug`: must be error, warn or info", |flags| {
            flags.log_level = Some("debug".into());
        }),
        ("OSO_DISABLE_TELEMETRY is `yes`: must be true or false", |flags| {
            flags.disable_telemetry = Some("yes".into());
        }),
        ("OSO_SYNC_INTERVAL is `1d`: must be a duration", |flags| flags.sync_interval = Some("1d".into())),
        ("OSO_SYNC_INTERVAL is `0s`: must be a duration", |flags| flags.sync_interval = Some("0s".into())),
        ("OSO_CLIENT_ID is `a_b`: must be up to 128", |flags| flags.client_id = Some("a_b".into())),
        ("OSO_ENVIRONMENT is `../x`: must be up to 128", |flags| flags.environment = Some("../x".into())),
        ("OSO_URL is `ftp://x`: must be an http://", |flags| flags.url = Some("ftp://x".into())),
        ("OSO_TLS_CERT is set and OSO_TLS_KEY is not", |flags| flags.tls_cert = Some("x".into())),
        ("OSO_TLS_CLIENT_CA is set and OSO_TLS_CERT is not", |flags| flags.tls_client_ca = Some("x".into())),
        ("OSO_AUTHZEN_URL is `http://x`: must be an https://", |flags| {
            flags.authzen.authzen_url = Some("http://x".into());
        }),
        ("OSO_AUTHZEN_URL is `https://x/?a`: must be", |flags| flags.authzen.authzen_url = Some("https://x/?a".into())),
        ("OSO_AUTHZEN_URL is `https://X`: must be", |flags| flags.authzen.authzen_url = Some("https://X".into())),
        ("OSO_AUTHZEN_TYPES is `a=X,b=X`: must be", |flags| flags.authzen.authzen_types = Some("a=X,b=X".into())),
        ("OSO_AUTHZEN_FACTS_MAX is `-1`: must be a number from 0 to 100000", |flags| {
            flags.authzen.authzen_facts_max = Some("-1".into());
        }),
        ("OSO_HOST is `here`: must be an IP address", |flags| flags.host = Some("here".into())),
    ];
    for (expected, change) in cases {
        let message = message(change);
        assert!(message.starts_with(expected), "{message}");
        assert!(!message.contains('\n'));
    }
}

#[test]
fn everything_that_is_missing_or_wrong_is_told_at_once() {
    let flags = ServeFlags {
        port: Some("x".into()),
        tls_key: Some("k".into()),
        authzen: AuthzenFlags {
            authzen_types: Some("=".into()),
            authzen_facts_max: Some("-".into()),
            ..AuthzenFlags::default()
        },
        ..ServeFlags::default()
    };
    let error = Config::check(flags, [0; 16]).unwrap_err();
    let named: Vec<&str> = error.lines().iter().filter_map(|line| line.split(' ').next()).collect();
    let all = [
        "OSO_API_TOKEN",
        "OSO_ENVIRONMENT",
        "OSO_TENANT",
        "OSO_PORT",
        "OSO_TLS_KEY",
        "OSO_AUTHZEN_TYPES",
        "OSO_AUTHZEN_FACTS_MAX",
    ];
    assert_eq!(named, all);
}

#[test]
fn levels_and_formats_are_read_in_any_letter_case() {
    let flags = ServeFlags { log_level: Some("INFO".into()), log_format: Some("Json".into()), ..flags() };
    let config = Config::check(flags, [0; 16]).unwrap();
    assert_eq!((config.log_level, config.log_format), (LogLevel::Info, LogFormat::Json));
}

#[test]
fn a_platforms_port_counts_where_ours_is_not_set() {
    let port = |port: Option<&str>, platform: Option<&str>| {
        let [port, platform_port] = [port, platform].map(|text| text.map(str::to_owned));
        Config::check(ServeFlags { port, platform_port, ..flags() }, [0; 16]).map(|config| config.port)
    };
    assert_eq!(port(None, Some("10000")).unwrap(), 10_000);
    assert_eq!(port(Some(""), Some("10000")).unwrap(), 10_000);
    assert_eq!(port(Some("9000"), Some("10000")).unwrap(), 9_000);
    assert!(port(None, Some("http")).unwrap_err().to_string().starts_with("PORT is `http`"));
}

#[test]
fn key_and_variable_name_one_environment() {
    let check = |token: &str, environment: &str| {
        let (api_token, environment) = (Some(token.to_owned()), Some(environment.to_owned()));
        Config::check(ServeFlags { api_token, environment, ..flags() }, [0; 16]).map(drop)
    };
    let error = check("e_1_k_secret", "e_2").unwrap_err().to_string();
    assert!(error.contains("OSO_ENVIRONMENT is `e_2` and OSO_API_TOKEN is a key of `e_1`"), "{error}");
    assert!(!error.contains("secret"));
    for other in ["e_12", "e_", "e", "E_1"] {
        assert!(check("e_1_k_secret", other).is_err(), "{other}");
    }
    // Names of more parts, and keys that name none.
    for (token, environment) in
        [("e_1_k_secret", "e_1"), ("e_1_b_k_secret", "e_1_b"), ("opaque", "e_1"), ("a_b", "e_1")]
    {
        assert!(check(token, environment).is_ok(), "{token} {environment}");
    }
}

#[test]
fn no_message_shows_a_key() {
    assert!(!message(|flags| flags.api_token = Some("e_1_2_se cret".into())).contains("cret"));
    assert!(!message(|flags| flags.url = Some("http://user:secret@host".into())).contains("secret"));
}

#[test]
fn durations_have_a_unit() {
    assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
    assert_eq!(duration("30m"), Some(Duration::from_secs(1800)));
    for bad in ["", "5", "ms", "1.5s", "-1s", "1 s", "99999999999999999999s"] {
        assert_eq!(duration(bad), None, "{bad}");
    }
}

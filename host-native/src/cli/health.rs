//! `understudy health`: asks the node on this machine whether it serves. For container probes, where there is no shell.

use std::{
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    process::ExitCode,
    time::Duration,
};

use clap::Args;

use super::usage_error;

/// Longest wait for each step: less than the usual timeout of a probe.
const WAIT: Duration = Duration::from_secs(2);
/// Bytes of the answer that are read: enough for its status and message.
const ANSWER_BYTES_MAX: u64 = 4 << 10;

/// `understudy health`.
#[derive(Args, Debug)]
pub struct HealthArgs {
    /// Port of the node on this machine.
    #[arg(long, env = "OSO_PORT", hide_env_values = true, default_value_t = 8080, value_name = "PORT")]
    port: u16,
    /// Address of another one: `http://HOST:PORT`.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// 0: it serves. 1: it doesn't, or nobody answers. 2: the URL can't be used.
pub fn run(args: &HealthArgs) -> ExitCode {
    let host = match &args.url {
        None => format!("127.0.0.1:{}", args.port),
        Some(url) => match authority(url) {
            Some(host) => host,
            None => return usage_error(&format!("--url is `{url}`: allowed is http://HOST:PORT, without TLS")),
        },
    };
    match ask(&host) {
        Ok(answer) if answer.status == 200 => {
            println!("serving");
            ExitCode::SUCCESS
        }
        Ok(answer) => {
            eprintln!("understudy: http://{host}/healthcheck says {}: {}", answer.status, answer.body.trim());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("understudy: http://{host}/healthcheck gives no answer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does the node at `HOST:PORT` say that it serves?
pub fn serves(host: &str) -> bool {
    ask(host).is_ok_and(|answer| answer.status == 200)
}

/// `HOST:PORT` of an `http://` address; port 80 where it names none.
fn authority(url: &str) -> Option<String> {
    let rest = url.strip_prefix("http://")?;
    let host = rest.split('/').next().filter(|host| !host.is_empty() && !host.contains(['@', ' ']))?;
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(if has_port { host.to_owned() } else { format!("{host}:80") })
}

struct Answer {
    status: u16,
    body: String,
}

fn ask(host: &str) -> std::io::Result<Answer> {
    let address = host.to_socket_addrs()?.next().ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    write!(stream, "GET /healthcheck HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut text = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("what came back is no HTTP answer"))?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn an_address_is_host_and_port() {
        assert_eq!(authority("http://127.0.0.1:9/").as_deref(), Some("127.0.0.1:9"));
        assert_eq!(authority("http://[::1]:9").as_deref(), Some("[::1]:9"));
        assert_eq!(authority("http://node").as_deref(), Some("node:80"));
        for bad in ["https://node", "node:8080", "http://", "http://a@b"] {
            assert_eq!(authority(bad), None, "{bad}");
        }
    }
}

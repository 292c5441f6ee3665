//! A connection that is kept: one client, many requests, in order.

use std::{
    io::{BufRead, BufReader, Error, Read, Result, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::{http::Exchange, process::KEY};

/// Longest wait for any byte.
const WAIT: Duration = Duration::from_secs(30);

/// One client. Errors are what a real client would see: a connection that broke, or nothing for too long.
pub struct Connection {
    reader: BufReader<TcpStream>,
    address: SocketAddr,
    key: String,
}

impl Connection {
    /// Connects; the development key goes with every request.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, WAIT)?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_nodelay(true)?;
        Ok(Connection { reader: BufReader::new(stream), address, key: KEY.to_owned() })
    }

    /// Another key from now on.
    pub fn with_key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    /// Writes a request's head and the first `n_bytes` of its body; [`Connection::finish`] does the rest.
    pub fn begin(&mut self, method: &str, path: &str, body: &[u8], n_bytes: usize) -> Result<()> {
        let Connection { address, key, .. } = self;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        self.reader.get_mut().write_all(&[head.as_bytes(), &body[..n_bytes]].concat())
    }

    /// Writes the rest of the body and reads the answer.
    pub fn finish(&mut self, rest: &[u8]) -> Result<Exchange> {
        self.reader.get_mut().write_all(rest)?;
        self.answer()
    }

    /// One request and its answer.
    pub fn send(&mut self, method: &str, path: &str, body: &Json) -> Result<Exchange> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.begin(method, path, &body, body.len())?;
        self.answer()
    }

    /// May it? `Err`: no answer, or another status than 200.
    pub fn authorize(&mut self, actor: (&str, &str), action: &str, resource: (&str, &str)) -> Result<bool> {
        let body = json!({
            "actor_type": actor.0, "actor_id": actor.1, "action": action,
            "resource_type": resource.0, "resource_id": resource.1, "context_facts": []
        });
        let answer = self.send("POST", "/api/authorize", &body)?;
        answer.json()["allowed"].as_bool().ok_or_else(|| Error::other(format!("{} {}", answer.status, answer.text())))
    }

    fn answer(&mut self) -> Result<Exchange> {
        let nonsense = || Error::other("what came back isn't an HTTP answer");
        let status = self.line()?.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(nonsense)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Exchange { status, headers, body: Vec::new() };
        let length: usize = answer.header("content-length").map_or(Some(0), |n| n.parse().ok()).ok_or_else(nonsense)?;
        answer.body.resize(length, 0);
        self.reader.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(Error::other("the connection was closed"));
        }
        Ok(line.trim_end().to_owned())
    }
}

//! What a connection is told that gets nowhere: there is no room for it, or it speaks HTTP where TLS is spoken. Written by hand,
//! since nothing of it is read.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use understudy_wire::{ApiError, Code};

use super::limits::REFUSAL_WAIT;

/// Tells it that there is no room.
pub async fn tell(stream: TcpStream, retry_after_s: Option<u32>) {
    let retry_after = retry_after_s.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
    let message = "too many connections, all of them busy: ask again in a moment";
    say(stream, refusal(Code::Unavailable, "Service Unavailable", message, &retry_after)).await;
}

/// Tells it that this port speaks TLS.
pub async fn tell_tls(stream: TcpStream) {
    let message = "plain HTTP came to this port, which speaks TLS: use https://";
    say(stream, refusal(Code::BadRequest, "Bad Request", message, "")).await;
}

/// Sends the text, and gives it a moment to be read.
async fn say(mut stream: TcpStream, text: String) {
    let told = async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await?;
        // Closing over unread bytes would take the refusal back.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _ = tokio::time::timeout(REFUSAL_WAIT, told).await;
}

fn refusal(code: Code, reason: &str, message: &str, headers: &str) -> String {
    let body = serde_json::to_string(&ApiError { message: message.to_owned() }).unwrap_or_default();
    format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\
         {headers}\r\n{body}",
        code.status(),
        body.len()
    )
}

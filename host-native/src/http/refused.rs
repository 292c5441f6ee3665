//! What a connection is told for which there is no room: written by hand, since nothing of it is read.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use understudy_wire::{ApiError, Code};

use super::limits::REFUSAL_WAIT;

/// Tells it, and gives it a moment to read that.
pub async fn tell(mut stream: TcpStream, retry_after_s: Option<u32>) {
    let told = async {
        stream.write_all(refusal(retry_after_s).as_bytes()).await?;
        stream.shutdown().await?;
        // Closing over unread bytes would take the refusal back.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _ = tokio::time::timeout(REFUSAL_WAIT, told).await;
}

fn refusal(retry_after_s: Option<u32>) -> String {
    let message = "too many connections, all of them busy: ask again in a moment".to_owned();
    let body = serde_json::to_string(&ApiError { message }).unwrap_or_default();
    let retry_after = retry_after_s.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
    format!(
        "HTTP/1.1 {} Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n{retry_after}\r\n{body}",
        Code::Unavailable.status(),
        body.len()
    )
}

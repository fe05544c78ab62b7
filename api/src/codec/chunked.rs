//! Bodies in chunks with sums behind them (`aws-chunked`), as clients of S3 send what they stream.
//!
//! Amazon S3 API Reference, "Transferring payload using chunked encoding" and "Using trailing headers": each chunk has a line with its length
//! in hexadecimal digits (and its signature, where chunks are signed); the trailing headers stand behind the last, empty one.

use bytes::{Bytes, BytesMut};
use http::Request;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};

use super::Malformed;

const NAME: &str = "aws-chunked";

fn is_chunked(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("x-amz-content-sha256").is_some_and(|sum| sum.starts_with("STREAMING-"))
        || text(CONTENT_ENCODING.as_str())
            .is_some_and(|encodings| encodings.split(',').any(|one| one.trim() == NAME))
}

/// The request as it would be without chunks; `None` where it has none.
pub(super) fn plain(request: &Request<Bytes>) -> Result<Option<Request<Bytes>>, Malformed> {
    if !is_chunked(request.headers()) {
        return Ok(None);
    }
    let mut plain = request.clone();
    let (body, trailers) = join(request.body())?;
    let headers = plain.headers_mut();
    for (name, value) in trailers {
        headers.insert(name, value);
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let others = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .map(|encodings| {
            let encodings = encodings.split(',').map(str::trim);
            encodings
                .filter(|one| *one != NAME)
                .collect::<Vec<_>>()
                .join(",")
        });
    headers.remove(CONTENT_ENCODING);
    if let Some(others) = others.filter(|others| !others.is_empty())
        && let Ok(value) = HeaderValue::from_str(&others)
    {
        headers.insert(CONTENT_ENCODING, value);
    }
    *plain.body_mut() = body;
    Ok(Some(plain))
}

type Trailers = Vec<(HeaderName, HeaderValue)>;

fn join(mut rest: &[u8]) -> Result<(Bytes, Trailers), Malformed> {
    let short = || Malformed::new("the chunked body ends too early");
    let mut body = BytesMut::new();
    loop {
        let head = line(&mut rest).ok_or_else(short)?;
        let size = head.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size)
            .ok()
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok())
            .ok_or_else(|| Malformed::new("a chunk has no length"))?;
        if size == 0 {
            break;
        }
        let (chunk, behind) = rest.split_at_checked(size).ok_or_else(short)?;
        body.extend_from_slice(chunk);
        rest = behind;
        if !line(&mut rest).ok_or_else(short)?.is_empty() {
            return Err(Malformed::new("a chunk is longer than it says"));
        }
    }
    let mut trailers = Vec::new();
    while let Some(line) = line(&mut rest) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
            // What describes the message itself cannot come behind it.
            && name.as_str().starts_with("x-amz-")
        {
            trailers.push((name, value));
        }
    }
    Ok((body.freeze(), trailers))
}

/// The text up to the next end of a line.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let line = &rest[..end];
    *rest = &rest[end + 2..];
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(encoding: &str, body: &'static str) -> Request<Bytes> {
        Request::put("/b/k")
            .header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
            .header(CONTENT_ENCODING, encoding)
            .header(CONTENT_LENGTH, body.len())
            .body(Bytes::from(body))
            .unwrap()
    }

    #[test]
    fn chunks_are_joined_and_trailers_become_headers() {
        let body = "5\r\nhello\r\n6;chunk-signature=ab\r\n wo\r\nd\r\n0\r\nx-amz-checksum-crc32:sOO8/Q==\r\ncontent-length:9\r\n\r\n";
        let plain = plain(&sent("gzip, aws-chunked", body)).unwrap().unwrap();
        assert_eq!(plain.body(), "hello wo\r\nd");
        let text = |name: &str| plain.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(text("x-amz-checksum-crc32"), "sOO8/Q==");
        assert_eq!(text("content-encoding"), "gzip");
        assert_eq!(text("content-length"), "11");
        let all = super::plain(&sent("aws-chunked", "0\r\n\r\n"))
            .unwrap()
            .unwrap();
        assert!(all.body().is_empty() && !all.headers().contains_key(CONTENT_ENCODING));
    }

    #[test]
    fn what_has_no_chunks_is_left_alone_and_what_is_broken_is_refused() {
        let request = Request::put("/b/k")
            .body(Bytes::from("5\r\nhello"))
            .unwrap();
        assert!(plain(&request).unwrap().is_none());
        for broken in [
            "",
            "5\r\nhel",
            "x\r\n",
            "2\r\nhello\r\n0\r\n\r\n",
            "ffffffffffffffff\r\n",
        ] {
            assert!(plain(&sent("aws-chunked", broken)).is_err(), "{broken:?}");
        }
    }
}

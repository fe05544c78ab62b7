//! Scalars as text: timestamps, numbers, booleans, blobs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value as Json};
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{OffsetDateTime, UtcOffset};

use super::{EncodeError, Malformed};
use crate::model::{Kind, TimestampFormat};

/// Epoch seconds as nanoseconds, from a number or RFC 3339 text. Rounded to microseconds: a double's digits end there.
pub(super) fn nanoseconds(value: &Json) -> Result<i128, EncodeError> {
    let wrong = || EncodeError::wrong("a timestamp (epoch seconds or RFC 3339 text)", value);
    match value {
        Json::Number(number) => match number.as_i64() {
            Some(seconds) => Ok(i128::from(seconds) * 1_000_000_000),
            None => {
                let seconds = number
                    .as_f64()
                    .filter(|seconds| seconds.is_finite())
                    .ok_or_else(wrong)?;
                #[allow(clippy::cast_possible_truncation)]
                let microseconds = (seconds * 1e6).round() as i128;
                microseconds.checked_mul(1000).ok_or_else(wrong)
            }
        },
        Json::String(text) => Ok(OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| wrong())?
            .unix_timestamp_nanos()),
        _ => Err(wrong()),
    }
}

/// Epoch seconds as a JSON number: an integer where there is no fraction.
pub(super) fn seconds(nanoseconds: i128) -> Json {
    if nanoseconds % 1_000_000_000 == 0
        && let Ok(seconds) = i64::try_from(nanoseconds / 1_000_000_000)
    {
        return Json::from(seconds);
    }
    #[allow(clippy::cast_precision_loss)]
    Json::from((nanoseconds / 1000) as f64 / 1e6)
}

/// A timestamp as text.
pub(super) fn format_timestamp(
    value: &Json,
    format: TimestampFormat,
) -> Result<String, EncodeError> {
    let nanoseconds = nanoseconds(value)?;
    if format == TimestampFormat::UnixTimestamp {
        return Ok(seconds(nanoseconds).to_string());
    }
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .map_err(|_| EncodeError::wrong("a timestamp between the years -9999 and 9999", value))?;
    let (date, clock) = (moment.date(), moment.time());
    if format == TimestampFormat::Rfc822 {
        let weekday = &moment.weekday().to_string()[..3];
        let month = &moment.month().to_string()[..3];
        return Ok(format!(
            "{weekday}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
            date.day(),
            date.year(),
            clock.hour(),
            clock.minute(),
            clock.second()
        ));
    }
    let micros = clock.microsecond();
    let fraction = match micros {
        0 => String::new(),
        _ if micros % 1000 == 0 => format!(".{:03}", micros / 1000),
        _ => format!(".{micros:06}"),
    };
    Ok(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    ))
}

/// A timestamp from text in any of AWS's formats: servers do not always keep to the model's.
pub(super) fn parse_timestamp(text: &str) -> Result<Json, Malformed> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return Ok(Json::from(number));
    }
    if let Ok(number) = text.parse::<f64>() {
        return Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| Malformed::new("not a finite timestamp"));
    }
    // Some servers write no zone; AWS's times are UTC.
    let zoned = format!("{text}Z");
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&zoned, &Rfc3339))
        .or_else(|_| OffsetDateTime::parse(text, &Rfc2822))
        .map_err(|_| Malformed::new(format!("`{text}` is not a timestamp")))?;
    Ok(seconds(
        moment.to_offset(UtcOffset::UTC).unix_timestamp_nanos(),
    ))
}

/// A scalar as text for XML, forms, headers and URIs. The format of timestamps is the caller's.
pub(super) fn format(
    kind: Kind,
    value: &Json,
    timestamps: TimestampFormat,
) -> Result<String, EncodeError> {
    match (kind, value) {
        (Kind::String | Kind::Character, Json::String(text)) => Ok(text.clone()),
        (Kind::String | Kind::Character, _) => Err(EncodeError::wrong("text", value)),
        (Kind::Blob, _) => Ok(blob(value)?.to_owned()),
        (Kind::Boolean, Json::Bool(flag)) => Ok(flag.to_string()),
        (Kind::Boolean, _) => Err(EncodeError::wrong("a boolean", value)),
        (Kind::Integer | Kind::Long, _) => Ok(integer(value)?.to_string()),
        (Kind::Float | Kind::Double, _) => match float(value)? {
            Json::String(text) => Ok(text),
            number => Ok(number.to_string()),
        },
        (Kind::Timestamp, _) => format_timestamp(value, timestamps),
        (Kind::Structure | Kind::List | Kind::Map, _) => Err(EncodeError::wrong("a scalar", value)),
    }
}

/// A scalar from text.
pub(super) fn parse(kind: Kind, text: &str) -> Result<Json, Malformed> {
    let wrong = |what: &str| Malformed::new(format!("`{}` is not {what}", excerpt(text)));
    match kind {
        Kind::String | Kind::Character => Ok(Json::from(text)),
        Kind::Blob => {
            // Line breaks are allowed inside base64 text on the wire.
            let compact: String = text.split_ascii_whitespace().collect();
            STANDARD.decode(&compact).map_err(|_| wrong("base64"))?;
            Ok(Json::from(compact))
        }
        Kind::Boolean => match text.trim() {
            "true" | "True" | "TRUE" | "1" => Ok(Json::Bool(true)),
            "false" | "False" | "FALSE" | "0" | "" => Ok(Json::Bool(false)),
            _ => Err(wrong("a boolean")),
        },
        Kind::Integer | Kind::Long => {
            let trimmed = text.trim();
            let number = trimmed.parse::<i64>().ok().or_else(|| {
                let number = trimmed.parse::<f64>().ok()?;
                #[allow(clippy::cast_possible_truncation)]
                (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
            });
            number.map(Json::from).ok_or_else(|| wrong("an integer"))
        }
        Kind::Float | Kind::Double => match text.trim() {
            special @ ("NaN" | "Infinity" | "-Infinity") => Ok(Json::from(special)),
            text => {
                let number = text.parse::<f64>().ok().and_then(Number::from_f64);
                number.map(Json::Number).ok_or_else(|| wrong("a number"))
            }
        },
        Kind::Timestamp => parse_timestamp(text),
        Kind::Structure | Kind::List | Kind::Map => Err(wrong("a structure")),
    }
}

/// An integer; `3.0` is one.
pub(super) fn integer(value: &Json) -> Result<i64, EncodeError> {
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() < 9e15;
    #[allow(clippy::cast_possible_truncation)]
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(whole).map(|number| number as i64))
        .ok_or_else(|| EncodeError::wrong("an integer", value))
}

/// A number, or the text of one that JSON does not have.
pub(super) fn float(value: &Json) -> Result<Json, EncodeError> {
    match value {
        Json::Number(_) => Ok(value.clone()),
        Json::String(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => {
            Ok(value.clone())
        }
        _ => Err(EncodeError::wrong("a number", value)),
    }
}

/// The base64 text of a blob.
pub(super) fn blob(value: &Json) -> Result<&str, EncodeError> {
    let wrong = || EncodeError::wrong("base64 text", value);
    let text = value.as_str().ok_or_else(wrong)?;
    STANDARD.decode(text).map_err(|_| wrong())?;
    Ok(text)
}

/// The bytes of a blob.
pub(super) fn bytes(value: &Json) -> Result<Vec<u8>, EncodeError> {
    let wrong = || EncodeError::wrong("base64 text", value);
    STANDARD
        .decode(value.as_str().ok_or_else(wrong)?)
        .map_err(|_| wrong())
}

/// Bytes as base64 text.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The beginning of a text, for messages.
pub(super) fn excerpt(text: &str) -> String {
    let mut excerpt: String = text.trim().chars().take(160).collect();
    if excerpt.len() < text.trim().len() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_in_every_format() {
        let moment = Json::from(1_704_164_645.25);
        let format = |format| format_timestamp(&moment, format).expect("a timestamp");
        assert_eq!(format(TimestampFormat::Iso8601), "2024-01-02T03:04:05.250Z");
        assert_eq!(
            format(TimestampFormat::Rfc822),
            "Tue, 02 Jan 2024 03:04:05 GMT"
        );
        assert_eq!(format(TimestampFormat::UnixTimestamp), "1704164645.25");
        for text in [
            "2024-01-02T03:04:05.250Z",
            "2024-01-02T03:04:05.25",
            "1704164645.25",
            "2024-01-02T05:04:05.25+02:00",
        ] {
            assert_eq!(parse_timestamp(text), Ok(moment.clone()), "{text}");
        }
        assert_eq!(
            parse_timestamp("Tue, 02 Jan 2024 03:04:05 GMT"),
            Ok(Json::from(1_704_164_645))
        );
        let text = Json::from("2024-01-02T03:04:05Z");
        assert_eq!(
            format_timestamp(&text, TimestampFormat::UnixTimestamp).as_deref(),
            Ok("1704164645")
        );
        assert!(nanoseconds(&Json::from(1e300)).is_err());
        assert!(parse_timestamp("yesterday").is_err());
    }

    #[test]
    fn scalars_are_not_guessed() {
        assert!(format(Kind::Integer, &Json::from("3"), TimestampFormat::Iso8601).is_err());
        assert_eq!(
            format(Kind::Integer, &Json::from(3.0), TimestampFormat::Iso8601).as_deref(),
            Ok("3")
        );
        assert!(format(Kind::String, &Json::from(3), TimestampFormat::Iso8601).is_err());
        assert!(format(Kind::Blob, &Json::from("***"), TimestampFormat::Iso8601).is_err());
        assert_eq!(parse(Kind::Long, "1.5E3"), Ok(Json::from(1500)));
        assert_eq!(parse(Kind::Double, "NaN"), Ok(Json::from("NaN")));
    }
}

//! The API models' codecs from outside.

mod round_trip;
mod wire_formats;

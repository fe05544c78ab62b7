//! The committed registry pack and how it is read.
//!
//! Layout: the bytes `PFX1`; the length of the index (u32, little endian); the index; the blocks. Index and blocks are raw
//! DEFLATE. The index is text: `stateful JSON-LIST`, then per block `block OFFSET LENGTH` (in the pack, after the index) and
//! per type in it `type NAME OFFSET LENGTH` (in the inflated block: the type's schema as JSON). `cargo xtask facts` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::DeflateDecoder;

static PACK: &[u8] = include_bytes!("registry.pack");

/// Where a type's schema stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    block: (usize, usize),
    offset: usize,
    length: usize,
}

/// The pack's index.
#[derive(Debug, Default)]
pub(super) struct Pack {
    blocks: &'static [u8],
    places: BTreeMap<String, Place>,
    stateful: BTreeSet<String>,
    /// The blocks that were inflated, by offset: a block holds neighbours (the types of a service), which templates use
    /// together. All blocks have five megabytes.
    inflated: Mutex<BTreeMap<usize, Arc<[u8]>>>,
}

impl Pack {
    /// Reads the index. The pack is part of the program and a test reads all of it, so a damaged one is no case of its own:
    /// it has no types.
    pub(super) fn open() -> Pack {
        Pack::read(PACK).unwrap_or_default()
    }

    fn read(pack: &'static [u8]) -> Option<Pack> {
        let rest = pack.strip_prefix(b"PFX1")?;
        let (length, rest) = rest.split_at_checked(4)?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let (index, blocks) = rest.split_at_checked(length)?;
        let index = String::from_utf8(inflate(index)?).ok()?;
        let mut opened = Pack {
            blocks,
            ..Pack::default()
        };
        let mut block = (0, 0);
        for line in index.lines() {
            let (kind, rest) = line.split_once(' ')?;
            match kind {
                "stateful" => opened.stateful = serde_json::from_str(rest).ok()?,
                "block" => {
                    let (offset, length) = rest.split_once(' ')?;
                    block = (offset.parse().ok()?, length.parse().ok()?);
                }
                _ => {
                    let mut parts = rest.split(' ');
                    let name = parts.next()?.to_owned();
                    let offset = parts.next()?.parse().ok()?;
                    let length = parts.next()?.parse().ok()?;
                    opened.places.insert(
                        name,
                        Place {
                            block,
                            offset,
                            length,
                        },
                    );
                }
            }
        }
        Some(opened)
    }

    /// All types, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Whether the registry pack's list of stateful types names it.
    pub(super) fn stateful(&self, name: &str) -> bool {
        self.stateful.contains(name)
    }

    /// One type's schema.
    pub(super) fn schema(&self, name: &str) -> Option<serde_json::Value> {
        let place = self.places.get(name)?;
        let block = self.block(place.block)?;
        serde_json::from_slice(block.get(place.offset..place.offset.checked_add(place.length)?)?)
            .ok()
    }

    fn block(&self, (start, length): (usize, usize)) -> Option<Arc<[u8]>> {
        let mut inflated = self.inflated.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = inflated.get(&start) {
            return Some(Arc::clone(found));
        }
        let block = inflate(self.blocks.get(start..start.checked_add(length)?)?)?;
        let block: Arc<[u8]> = block.into();
        inflated.insert(start, Arc::clone(&block));
        Some(block)
    }

    /// How many blocks were inflated so far.
    #[cfg(test)]
    pub(super) fn blocks_inflated(&self) -> usize {
        let inflated = self.inflated.lock().unwrap_or_else(PoisonError::into_inner);
        inflated.len()
    }
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    DeflateDecoder::new(bytes).read_to_end(&mut inflated).ok()?;
    Some(inflated)
}

//! IPv4 blocks.

use std::net::Ipv4Addr;

/// An IPv4 block: its first address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    first: u32,
    prefix: u32,
}

impl Block {
    /// Reads `10.0.0.0/16`. Addresses beyond the prefix are cut off, as EC2 does.
    pub fn parse(text: &str) -> Option<Block> {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        let address: Ipv4Addr = address.parse().ok()?;
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        Some(Block {
            first: u32::from(address) & mask,
            prefix,
        })
    }

    /// The length of the prefix.
    pub fn prefix(self) -> u32 {
        self.prefix
    }

    /// How many addresses it has.
    pub fn size(self) -> u64 {
        1 << (32 - self.prefix)
    }

    /// The nth address.
    pub fn address(self, nth: u64) -> Ipv4Addr {
        Ipv4Addr::from(self.first.wrapping_add(nth as u32))
    }

    /// Is the other within this one?
    pub fn holds(self, other: Block) -> bool {
        self.prefix <= other.prefix && self.overlaps(other)
    }

    /// Do they share an address?
    pub fn overlaps(self, other: Block) -> bool {
        let prefix = self.prefix.min(other.prefix);
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        self.first & mask == other.first & mask
    }
}

impl std::fmt::Display for Block {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", Ipv4Addr::from(self.first), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::Block;

    #[test]
    fn blocks_hold_and_overlap() {
        let block = |text| Block::parse(text).unwrap();
        assert!(block("10.0.0.0/16").holds(block("10.0.3.0/24")));
        assert!(!block("10.0.3.0/24").holds(block("10.0.0.0/16")));
        assert!(block("10.0.3.0/24").overlaps(block("10.0.0.0/16")));
        assert!(!block("10.0.3.0/24").overlaps(block("10.0.4.0/24")));
        assert!(block("0.0.0.0/0").holds(block("255.0.0.0/8")));
        assert_eq!(block("10.0.3.7/24").to_string(), "10.0.3.0/24");
        assert_eq!(Block::parse("10.0.0.0/33"), None);
    }
}

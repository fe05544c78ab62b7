//! `Fn::Cidr`: the first blocks of a given size inside an address block.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The first `count` blocks of `2^bits` addresses inside `block`. CloudFormation demands the host bits of an IPv6 block; of an
/// IPv4 block it takes 8 (a /24) where they are missing.
///
/// Source: CloudFormation User Guide, "Fn::Cidr" (`cidrBits` is the inverse of the subnet mask).
pub(super) fn split(block: &str, count: i64, bits: Option<i64>) -> Result<Vec<String>, String> {
    let malformed =
        || format!("Fn::Cidr needs an address block such as 10.0.0.0/16, not `{block}`");
    let (address, prefix) = block.trim().split_once('/').ok_or_else(malformed)?;
    let prefix: u32 = prefix.parse().map_err(|_| malformed())?;
    if let Ok(address) = address.parse::<Ipv4Addr>() {
        let starts = starts(
            block,
            u32::from(address).into(),
            32,
            prefix,
            count,
            bits.unwrap_or(8),
        )?;
        // Addresses of a block inside an IPv4 block fit into 32 bits.
        Ok(starts
            .map(|(start, prefix)| format!("{}/{prefix}", Ipv4Addr::from(start as u32)))
            .collect())
    } else if let Ok(address) = address.parse::<Ipv6Addr>() {
        let bits = bits.ok_or_else(|| {
            "Fn::Cidr needs the host bits of an IPv6 block (64 for a /64)".to_owned()
        })?;
        let starts = starts(block, u128::from(address), 128, prefix, count, bits)?;
        Ok(starts
            .map(|(start, prefix)| format!("{}/{prefix}", Ipv6Addr::from(start)))
            .collect())
    } else {
        Err(malformed())
    }
}

fn starts(
    block: &str,
    address: u128,
    width: u32,
    prefix: u32,
    count: i64,
    bits: i64,
) -> Result<impl Iterator<Item = (u128, u32)>, String> {
    let bits = u32::try_from(bits)
        .ok()
        .filter(|bits| (1..=width).contains(bits));
    let (Some(bits), Ok(count), true) = (bits, u128::try_from(count), prefix <= width) else {
        return Err(format!(
            "Fn::Cidr cannot split {block}: a block has at most {width} bits"
        ));
    };
    let room = width - prefix;
    let available = if bits > room {
        0
    } else {
        1u128.checked_shl(room - bits).unwrap_or(u128::MAX)
    };
    if count > available {
        return Err(format!(
            "Fn::Cidr cannot make {count} blocks of /{} from {block}: it has room for {available}",
            width - bits
        ));
    }
    let host = 1u128.checked_shl(room).map_or(u128::MAX, |size| size - 1);
    let base = address & !host;
    // `bits` can be 128 only for one block that is the whole of the address space.
    let size = 1u128.checked_shl(bits).unwrap_or(0);
    Ok((0..count).map(move |index| (base + index * size, width - bits)))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn splits_both_kinds_of_blocks() {
        assert_eq!(
            split("192.168.0.0/24", 3, Some(5)).unwrap(),
            ["192.168.0.0/27", "192.168.0.32/27", "192.168.0.64/27"]
        );
        assert_eq!(
            split("10.0.7.9/16", 2, None).unwrap(),
            ["10.0.0.0/24", "10.0.1.0/24"]
        );
        assert_eq!(
            split("2001:db8:1234:1a00::/56", 2, Some(64)).unwrap(),
            ["2001:db8:1234:1a00::/64", "2001:db8:1234:1a01::/64"]
        );
        assert_eq!(split("0.0.0.0/0", 1, Some(32)).unwrap(), ["0.0.0.0/0"]);
        assert_eq!(split("::/0", 1, Some(128)).unwrap(), ["::/0"]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert_eq!(
            split("10.0.0.0/24", 5, Some(6)).unwrap_err(),
            "Fn::Cidr cannot make 5 blocks of /26 from 10.0.0.0/24: it has room for 4"
        );
        for (block, bits) in [
            ("10.0.0.0", Some(8)),
            ("10.0.0.0/33", Some(8)),
            ("x/8", None),
            ("2001::/56", None),
            ("10.0.0.0/8", Some(64)),
        ] {
            assert!(split(block, 1, bits).is_err(), "{block}");
        }
    }
}

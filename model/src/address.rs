//! Names of things: [`Address`], [`AttributeOf`], [`PhysicalId`], [`Incarnation`].

use std::fmt;
use std::str::FromStr;

/// Which resource: `region/stack.LogicalId`, in nested stacks `region/stack/nested.LogicalId`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The AWS region, such as `us-east-1`.
    pub region: String,
    /// The stack, and after slashes the nested stacks in it.
    pub stack: String,
    /// The resource's name in its template.
    pub logical_id: String,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no resource address: expected region/stack.LogicalId")]
pub struct AddressError(pub String);

impl Address {
    /// The address of one resource.
    pub fn new(
        region: impl Into<String>,
        stack: impl Into<String>,
        logical_id: impl Into<String>,
    ) -> Address {
        Address {
            region: region.into(),
            stack: stack.into(),
            logical_id: logical_id.into(),
        }
    }

    /// One of this resource's attributes. `Ref` names what the function Ref returns.
    pub fn attribute(&self, name: impl Into<String>) -> AttributeOf {
        AttributeOf {
            address: self.clone(),
            attribute: name.into(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.region, self.stack, self.logical_id)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let error = || AddressError(text.to_owned());
        let (region, rest) = text.split_once('/').ok_or_else(error)?;
        let (stack, logical_id) = rest.rsplit_once('.').ok_or_else(error)?;
        if region.is_empty() || stack.is_empty() || logical_id.is_empty() {
            return Err(error());
        }
        Ok(Address::new(region, stack, logical_id))
    }
}

impl serde::Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// One attribute of one resource: `region/stack.LogicalId.Attr`, the dots of nested attributes (`Endpoint.Address`) kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeOf {
    /// The resource.
    pub address: Address,
    /// The attribute's name, or [`AttributeOf::REF`].
    pub attribute: String,
}

impl AttributeOf {
    /// The pseudo attribute for what the function Ref returns.
    pub const REF: &'static str = "Ref";
}

impl fmt::Display for AttributeOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.address, self.attribute)
    }
}

/// AWS's identifier of a resource: the registry's primary identifier, several parts joined by `|` as the Cloud Control API
/// joins them.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct PhysicalId(pub String);

impl PhysicalId {
    /// The whole identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts of a compound identifier.
    pub fn parts(&self) -> Vec<&str> {
        self.0.split('|').collect()
    }
}

impl fmt::Display for PhysicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for PhysicalId {
    fn from(text: &str) -> PhysicalId {
        PhysicalId(text.to_owned())
    }
}

impl From<String> for PhysicalId {
    fn from(text: String) -> PhysicalId {
        PhysicalId(text)
    }
}

/// The random id drawn when an apply decides to create something: 26 lower-case letters and digits (128 bits). Kept through
/// every retry and recovery; idempotency tokens and generated names derive from it.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Incarnation(pub String);

impl Incarnation {
    /// From 128 random bits. The caller draws them: this crate has no randomness.
    pub fn from_bits(bits: u128) -> Incarnation {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let digits = (0..26).map(|digit| ALPHABET[((bits >> (5 * digit)) & 31) as usize] as char);
        Incarnation(digits.collect())
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The suffix of generated physical names: the first 12 characters (60 bits).
    pub fn suffix(&self) -> &str {
        &self.0[..self.0.len().min(12)]
    }

    /// The idempotency token of one of this incarnation's calls. `purpose` keeps several calls of one resource apart.
    pub fn token(&self, purpose: &str) -> String {
        if purpose.is_empty() {
            self.0.clone()
        } else {
            format!("{}-{purpose}", self.0)
        }
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back() {
        for text in ["us-east-1/primary.Vpc", "eu-west-1/a/b/c.Thing"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "Vpc", "us-east-1/Vpc", "/a.b", "r/.b", "r/a."] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn incarnations_differ_where_their_bits_do() {
        assert_ne!(Incarnation::from_bits(1), Incarnation::from_bits(2));
        assert_eq!(Incarnation::from_bits(u128::MAX).as_str().len(), 26);
    }
}

//! Salted hashes that stand in for secrets on disk.

use std::collections::HashMap;
use std::sync::Mutex;

use argon2::password_hash::CustomizedPasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use payctl_model::{Secret, Value};

/// Hashes and compares secrets with the state's salt (argon2id at the crate's recommended cost). One salt for all secrets
/// of a state makes equal secrets comparable; one secret is hashed once a run.
pub struct Hasher {
    salt: Vec<u8>,
    made: Mutex<HashMap<String, String>>,
}

impl Hasher {
    /// With the salt of a state.
    pub fn new(salt: &str) -> Hasher {
        Hasher {
            salt: salt.as_bytes().to_vec(),
            made: Mutex::default(),
        }
    }

    /// The hash of a secret, in PHC form (`$argon2id$…`).
    pub fn hash(&self, secret: &str) -> String {
        let mut made = self
            .made
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(hash) = made.get(secret) {
            return hash.clone();
        }
        let params = Params::default();
        let hash = Argon2::default()
            .hash_password_customized(
                secret.as_bytes(),
                &self.salt,
                Some(Algorithm::Argon2id.as_str()),
                Some(Version::V0x13.into()),
                params,
            )
            .map(|hash| hash.to_string());
        // The parameters are the crate's own and the salt is of a length that it takes: only memory could fail, and then a
        // hash that equals no other is the safe answer.
        let hash = hash.unwrap_or_else(|error| format!("$unhashed${error}"));
        made.insert(secret.to_owned(), hash.clone());
        hash
    }

    /// Whether a secret in the open is what a hash was made from.
    pub fn matches(&self, secret: &str, hash: &str) -> bool {
        self.hash(secret) == hash
    }

    /// Of what AWS gives back: texts that are one of the secrets this hasher has made a hash of are replaced by it, too.
    /// AWS tells a secret that stands in a tag or an environment variable like any other text, maybe at another place of a
    /// list.
    pub fn hash_observed(&self, value: &Value) -> Value {
        let hashed = self.hash_secrets(value);
        let made = self
            .made
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        hashed.map_leaves(&mut |leaf| match leaf {
            Value::String(text) => match made.get(&**text) {
                Some(hash) => Value::Secret(Secret::Hashed(hash.clone())),
                None => leaf.clone(),
            },
            other => other.clone(),
        })
    }

    /// The same value with every secret replaced by its hash: what may be written to disk.
    pub fn hash_secrets(&self, value: &Value) -> Value {
        value.map_leaves(&mut |leaf| match leaf {
            Value::Secret(Secret::Plain(text)) => Value::Secret(Secret::Hashed(self.hash(text))),
            other => other.clone(),
        })
    }
}

/// Whether a secret stands in a value in the open.
pub(crate) fn is_open(value: &Value) -> bool {
    let mut open = false;
    value.visit(&mut |leaf| open |= matches!(leaf, Value::Secret(Secret::Plain(_))));
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_secrets_have_equal_hashes_and_nothing_else_matches() {
        let hasher = Hasher::new("0123456789abcdef");
        let hash = hasher.hash("hunter2");
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(!hash.contains("hunter2"));
        assert!(Hasher::new("0123456789abcdef").matches("hunter2", &hash));
        assert!(!hasher.matches("hunter3", &hash));
        assert!(!Hasher::new("fedcba9876543210").matches("hunter2", &hash));
    }

    #[test]
    fn nested_secrets_are_hashed_and_the_rest_is_kept() {
        let hasher = Hasher::new("0123456789abcdef");
        let value = Value::List(vec![Value::secret("a"), Value::from("b")]);
        let hashed = hasher.hash_secrets(&value);
        assert_eq!(hashed.as_list().unwrap()[1], Value::from("b"));
        assert!(matches!(
            &hashed.as_list().unwrap()[0],
            Value::Secret(Secret::Hashed(_))
        ));
        let told = Value::List(vec![Value::from("b"), Value::from("a")]);
        assert!(!hasher.hash_secrets(&told).has_secret());
        let told = hasher.hash_observed(&told);
        assert_eq!(told.as_list().unwrap()[0], Value::from("b"));
        assert_eq!(told.as_list().unwrap()[1], hashed.as_list().unwrap()[0]);
    }
}

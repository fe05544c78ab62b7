//! Short addresses: [`Names`] shows an address without what is the same for all, and finds one by any unambiguous part.

use std::collections::BTreeSet;

use payctl_model::Address;

/// The addresses of an environment, for showing them short and for finding them again.
#[derive(Clone, Debug, Default)]
pub struct Names {
    addresses: BTreeSet<Address>,
    one_region: bool,
    one_stack: bool,
}

/// Why a text names no resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No resource has this name.
    #[error("no resource is called `{name}`{}", similar.as_ref().map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// The most similar name.
        similar: Option<String>,
    },
    /// Several have it.
    #[error("`{name}` may be {}", candidates.join(" or "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The full addresses.
        candidates: Vec<String>,
    },
}

impl Names {
    /// Of these addresses: those of the templates and those of the state together.
    pub fn new<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Names {
        let addresses: BTreeSet<Address> = addresses.into_iter().cloned().collect();
        let one_region = addresses
            .iter()
            .map(|a| &a.region)
            .collect::<BTreeSet<_>>()
            .len()
            <= 1;
        let one_stack = addresses
            .iter()
            .map(|a| &a.stack)
            .collect::<BTreeSet<_>>()
            .len()
            <= 1;
        Names {
            addresses,
            one_region,
            one_stack,
        }
    }

    /// The shortest form: without the region where there is one, without the stack where there is one.
    pub fn show(&self, address: &Address) -> String {
        match (self.one_region, self.one_stack) {
            _ if !self.addresses.contains(address) => address.to_string(),
            (true, true) => address.logical_id.clone(),
            (true, false) => format!("{}.{}", address.stack, address.logical_id),
            (false, true) => format!("{}/{}", address.region, address.logical_id),
            (false, false) => address.to_string(),
        }
    }

    /// The address that a text names: whole, or without region, stack or both where only one fits.
    ///
    /// # Errors
    /// Where none or several fit.
    pub fn find(&self, text: &str) -> Result<Address, NameError> {
        let forms = |a: &Address| {
            [
                a.to_string(),
                format!("{}.{}", a.stack, a.logical_id),
                format!("{}/{}", a.region, a.logical_id),
                a.logical_id.clone(),
            ]
        };
        let fitting: Vec<&Address> = self
            .addresses
            .iter()
            .filter(|address| forms(address).iter().any(|form| form == text))
            .collect();
        match fitting.as_slice() {
            [only] => Ok((*only).clone()),
            [] => {
                let lower = text.to_lowercase();
                let similar = self
                    .addresses
                    .iter()
                    .flat_map(|address| forms(address).map(|form| (form, address)))
                    .map(|(form, address)| {
                        (
                            strsim::damerau_levenshtein(&form.to_lowercase(), &lower),
                            address,
                        )
                    })
                    .filter(|(distance, _)| *distance <= (text.chars().count() / 3).clamp(1, 4))
                    .min()
                    .map(|(_, address)| self.show(address));
                Err(NameError::Unknown {
                    name: text.to_owned(),
                    similar,
                })
            }
            several => Err(NameError::Ambiguous {
                name: text.to_owned(),
                candidates: several.iter().map(ToString::to_string).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_for_all_is_not_shown() {
        let (east, west) = (
            Address::new("us-east-1", "primary", "Vpc"),
            Address::new("us-west-2", "standby", "Vpc"),
        );
        let bucket = Address::new("us-east-1", "primary", "Bucket");
        let one = Names::new([&east, &bucket]);
        assert_eq!(
            (one.show(&east).as_str(), one.find("Vpc")),
            ("Vpc", Ok(east.clone()))
        );
        let two = Names::new([&east, &west, &bucket]);
        assert_eq!(two.show(&west), "us-west-2/standby.Vpc");
        assert_eq!(two.find("standby.Vpc"), Ok(west.clone()));
        assert_eq!(two.find("us-west-2/Vpc"), Ok(west));
        assert_eq!(two.find("Bucket"), Ok(bucket));
        assert_eq!(
            two.find("Vpc").unwrap_err().to_string(),
            "`Vpc` may be us-east-1/primary.Vpc or us-west-2/standby.Vpc"
        );
        assert_eq!(
            two.find("Buckt").unwrap_err().to_string(),
            "no resource is called `Buckt`; did you mean `us-east-1/primary.Bucket`?"
        );
    }
}

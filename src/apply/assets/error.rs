//! Why an asset is not where the resources that use it look for it.

use payctl_resources::AwsError;

use super::images::ImageError;

/// Why publishing ended.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// Its files cannot be read or packed.
    #[error("cannot pack the asset {asset}: {error}")]
    Source {
        /// The asset.
        asset: String,
        /// Why.
        error: std::io::Error,
    },
    /// The account has no place for assets.
    #[error("cannot publish the asset {asset}: account {account} has no {what} in {region}")]
    NotBootstrapped {
        /// The asset.
        asset: String,
        /// What is missing.
        what: String,
        /// Where.
        account: String,
        /// Where.
        region: String,
    },
    /// AWS refused, or was not reached.
    #[error("cannot publish the asset {asset} to {destination}: {error}")]
    Aws {
        /// The asset.
        asset: String,
        /// Where it should be.
        destination: String,
        /// What AWS said.
        error: Box<AwsError>,
    },
    /// The image cannot be built or pushed.
    #[error("cannot publish the image {asset}: {error}")]
    Image {
        /// The asset.
        asset: String,
        /// Why.
        error: ImageError,
    },
    /// The user does not want to go on.
    #[error("interrupted while assets were published")]
    Interrupted,
    /// payctl's own mistake.
    #[error("publishing assets ended without a result: {0}")]
    Defect(String),
}

impl AssetError {
    /// What to do about it. Nothing was changed by then.
    pub fn help(&self) -> String {
        let cause = match self {
            AssetError::Source { .. } => {
                "run `cdk synth` again: the assembly must be whole".to_owned()
            }
            AssetError::NotBootstrapped {
                account, region, ..
            } => format!(
                "run `cdk bootstrap aws://{account}/{region}`, which makes it; where a stack of the app makes it, apply that \
                 stack first with --target"
            ),
            AssetError::Aws { .. } => "mend the cause, then apply again".to_owned(),
            AssetError::Image { error, .. } => error.help().to_owned(),
            AssetError::Interrupted => "apply again: what is published stays".to_owned(),
            AssetError::Defect(_) => "please report this".to_owned(),
        };
        format!("no resource was changed; {cause}")
    }
}

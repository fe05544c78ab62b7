//! `payctl schema [TYPE]`: what is known of resource types.

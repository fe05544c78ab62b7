//! Passwords of users for the console, and other names and paths of users and groups.

use super::attached::Bearer;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use serde_json::{Value as Json, json};

/// A user has one.
pub const ONE_PROFILE: Law = Law {
    name: "a user has one login profile",
    operations: &["CreateLoginProfile"],
    source: "IAM API Reference, CreateLoginProfile, Errors: EntityAlreadyExists",
    fault: Fault::new(
        "EntityAlreadyExists",
        "Login Profile for user {id} already exists.",
    ),
    check: None,
};

/// It goes before the user.
pub const PROFILE_FIRST: Law = Law {
    name: "a user is deleted after its login profile",
    operations: &["DeleteUser"],
    source: "IAM API Reference, DeleteUser: delete the items attached to the user manually, or the deletion fails",
    fault: Fault::new(
        "DeleteConflict",
        "Cannot delete entity, must delete login profile first.",
    ),
    check: None,
};

/// Passwords keep to the account's policy; without one to AWS's own.
pub const PASSWORD_POLICY: Law = Law {
    name: "a password keeps to the default password policy",
    operations: &["CreateLoginProfile", "UpdateLoginProfile"],
    source: "IAM User Guide, Set an account password policy for IAM users: default password policy",
    fault: Fault::new(
        "PasswordPolicyViolation",
        "Password does not conform to the account password policy.",
    ),
    check: Some(|call, law| {
        let Some(password) = call.text("Password") else {
            return Ok(());
        };
        let has = |test: fn(&char) -> bool| usize::from(password.chars().any(|char| test(&char)));
        let kinds = has(char::is_ascii_uppercase)
            + has(char::is_ascii_lowercase)
            + has(char::is_ascii_digit)
            + has(char::is_ascii_punctuation);
        // "8 to 128 characters", "a minimum of three of the following mix of character types", "not your account name or email".
        if (8..=128).contains(&password.chars().count()) && kinds >= 3 {
            return Ok(());
        }
        Err(law.fault.with(&[]))
    }),
};

const MISSING: Fault = Fault::new(
    "NoSuchEntity",
    "Login Profile for User {id} cannot be found.",
);

fn shown(user: &str, profile: &Json) -> Json {
    json!({"LoginProfile": {
        "UserName": user,
        "CreateDate": profile["CreateDate"],
        "PasswordResetRequired": profile["PasswordResetRequired"],
    }})
}

impl Bearer {
    /// CreateLoginProfile.
    pub fn create_login(&self, call: &mut Call) -> Answer {
        let user = self.record(call)?;
        if user.hidden.contains_key("login") {
            return Err(ONE_PROFILE.fault.with(&[("id", &user.id)]));
        }
        let reset = call.input.get("PasswordResetRequired").cloned();
        let profile = json!({
            "CreateDate": call.now,
            "Password": call.text("Password"),
            "PasswordResetRequired": reset.unwrap_or(json!(false)),
        });
        let shown = shown(&user.id, &profile);
        call.update(self.kind.name, &user.id, |user| {
            user.hidden.insert("login".into(), profile);
        });
        Ok(shown)
    }

    /// GetLoginProfile.
    pub fn login(&self, call: &mut Call) -> Answer {
        let user = self.record(call)?;
        let profile = user.hidden.get("login");
        profile
            .map(|profile| shown(&user.id, profile))
            .ok_or_else(|| MISSING.with(&[("id", &user.id)]))
    }

    /// UpdateLoginProfile.
    pub fn update_login(&self, call: &mut Call) -> Answer {
        let user = self.record(call)?;
        let Some(mut profile) = user.hidden.get("login").cloned() else {
            return Err(MISSING.with(&[("id", &user.id)]));
        };
        for member in ["Password", "PasswordResetRequired"] {
            if let Some(value) = call.input.get(member) {
                profile[member] = value.clone();
            }
        }
        call.update(self.kind.name, &user.id, |user| {
            user.hidden.insert("login".into(), profile);
        });
        Ok(json!({}))
    }

    /// DeleteLoginProfile.
    pub fn delete_login(&self, call: &mut Call) -> Answer {
        let user = self.record(call)?;
        if !user.hidden.contains_key("login") {
            return Err(MISSING.with(&[("id", &user.id)]));
        }
        call.update(self.kind.name, &user.id, |user| {
            user.hidden.remove("login");
        });
        Ok(json!({}))
    }

    /// UpdateUser, UpdateGroup: another path or name, and so another ARN; who is in a group stays in it.
    pub fn rename(&self, call: &mut Call) -> Answer {
        let mut record = self.record(call)?;
        let old = record.id.clone();
        let new = call
            .text(&format!("New{}", self.member))
            .unwrap_or(&old)
            .to_owned();
        if new != old && call.find(self.kind.name, &new).is_some() {
            let fault = &self.kind.unique[0].fault;
            return Err(fault.with(&[(self.member, &new)]));
        }
        if let Some(path) = call.text("NewPath") {
            record.set("Path", path);
        }
        record.set(self.member, new.as_str());
        record.id.clone_from(&new);
        record.arn = format!(
            "arn:{}:iam::{}:{}{}{new}",
            call.partition(),
            call.account,
            self.word,
            record.text("Path")
        );
        let arn = record.arn.clone();
        record.set("Arn", arn);
        let members: Vec<String> = call
            .list_where("iam/user", "Groups[]", &old)
            .map(|user| user.id.clone())
            .collect();
        call.remove(self.kind.name, &old);
        call.world.put(call.key(self.kind.name, &new), record);
        if self.member == "GroupName" {
            for user in members {
                call.update("iam/user", &user, |user| {
                    for group in user.list_mut("Groups") {
                        if *group == json!(old) {
                            *group = json!(new);
                        }
                    }
                });
            }
        }
        Ok(json!({}))
    }
}

/// Refused while the user has a password.
pub fn without_login(user: &crate::world::Record) -> Result<(), Refusal> {
    if user.hidden.contains_key("login") {
        return Err(PROFILE_FIRST.fault.with(&[]));
    }
    Ok(())
}

//! `process_customer_data`: a tool that never sees a Korean identifier, because [`SecureTool`] stands in
//! front of it.
//!
//! What identifies a person for ever is encrypted, what reaches them is masked, and a secret among the
//! data is a mistake, so the call is refused. The tool gets what is left, and keeps it for a day.

use std::sync::Arc;
use std::time::Duration;

use oauth::random::Random;
use oauth::time::{Clock, NumericDate};
use pii::{Policy, Redactor, Scanner, Sealing, SecureTool, SecureToolError, WrittenPolicy};
use resource_server::Caller;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Collection, Kind, Record, StoreError};

use super::encryption::Encryption;
use super::period;
use super::record::{Answer, Refusal};

/// The name of the tool in the policy and in what is encrypted for it.
const TOOL: &str = "security-lab.process_customer_data";

/// How long a record is kept.
const KEPT: Duration = Duration::from_hours(24);

/// The most characters of one field.
const LONGEST: usize = 2000;

/// How what is encrypted begins.
const ENCRYPTED: &str = "enc:v1:";

/// The fields that are kept only if they were guarded.
const GUARDED: [&str; 4] = [
    "resident_registration_number",
    "card_number",
    "phone",
    "email",
];

/// What is done with what is found in the record.
const POLICY: &str = r#"{
    "rules": [
        {"types": ["SECRET"], "action": "reject"},
        {"types": ["KR_RRN", "KR_FRN", "KR_PASSPORT", "KR_DRIVER", "KR_BANK", "CREDIT_CARD", "IBAN", "US_SSN"],
         "action": "encrypt"}
    ],
    "otherwise": "mask"
}"#;

/// A customer, as a caller describes one.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerRecord {
    /// The name; at most 2,000 characters, as for every field.
    #[schemars(length(min = 1, max = 2000))]
    name: String,
    /// The resident or foreigner registration number, such as 900101-1234567. It is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    resident_registration_number: Option<String>,
    /// The number of a payment card. It is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    card_number: Option<String>,
    /// The telephone number. It is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    phone: Option<String>,
    /// The e-mail address. It is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    email: Option<String>,
    /// The postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    address: Option<String>,
    /// Anything else. Identifiers in it are found, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    memo: Option<String>,
}

impl CustomerRecord {
    fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("`name` must not be empty".to_owned());
        }
        let fields = [
            ("name", Some(&self.name)),
            (
                "resident_registration_number",
                self.resident_registration_number.as_ref(),
            ),
            ("card_number", self.card_number.as_ref()),
            ("phone", self.phone.as_ref()),
            ("email", self.email.as_ref()),
            ("address", self.address.as_ref()),
            ("memo", self.memo.as_ref()),
        ];
        let is_long = |text: &String| text.chars().count() > LONGEST;
        let mut given = fields
            .into_iter()
            .filter_map(|(name, text)| text.map(|text| (name, text)));
        if let Some((name, _)) = given.clone().find(|(_, text)| is_long(text)) {
            return Err(format!("`{name}` must have at most {LONGEST} characters"));
        }
        // By these is told afterwards that a field was guarded, so nobody may bring them along.
        let looks_guarded = |text: &str| text.contains('*') || text.contains(ENCRYPTED);
        match given.find(|(name, text)| GUARDED.contains(name) && looks_guarded(text)) {
            Some((name, _)) => Err(format!(
                "`{name}` must be written out: `*` and `{ENCRYPTED}` are what takes its place here"
            )),
            None => Ok(()),
        }
    }

    /// A field that is called an identifier and was not recognized as one: it would be kept in clear.
    fn unguarded(&self) -> Option<&'static str> {
        let encrypted = |text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            text.is_none_or(|text| text.starts_with(ENCRYPTED))
        };
        let masked = |text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            text.is_none_or(|text| text.contains('*'))
        };
        [
            (
                "resident_registration_number",
                encrypted(&self.resident_registration_number),
            ),
            ("card_number", encrypted(&self.card_number)),
            ("phone", masked(&self.phone)),
            ("email", masked(&self.email)),
        ]
        .into_iter()
        .find_map(|(name, is_guarded)| (!is_guarded).then_some(name))
    }
}

/// A customer, as kept: sealed, since the name of a person may be in it in clear.
#[derive(Serialize, Deserialize)]
pub struct Customer {
    owner: String,
    record: CustomerRecord,
    expires_at: NumericDate,
}

impl Record for Customer {
    const KIND: Kind = Kind::new("lab_customer");
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        Some(&self.owner)
    }

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

impl std::fmt::Debug for Customer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Customer").finish_non_exhaustive()
    }
}

/// What the tool answers.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: String,
    customer: CustomerRecord,
    at: String,
    until: String,
}

/// Why nothing is kept.
#[derive(Debug)]
enum Trouble {
    Unguarded(&'static str),
    Store(StoreError),
}

/// What the tool works with.
pub(super) struct Desk<'a> {
    pub(super) customers: &'a Collection<Customer>,
    pub(super) scanner: &'a Scanner,
    pub(super) encryption: Option<&'a Encryption>,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) random: &'a Arc<dyn Random>,
}

pub(super) async fn process(
    desk: &Desk<'_>,
    caller: &Caller,
    record: CustomerRecord,
) -> Result<Answer, Refusal> {
    record.check().map_err(Refusal::arguments)?;
    let tool = SecureTool::new(TOOL, redactor(desk)?).requires_encryption();
    let scopes: Vec<&str> = caller.scopes().iter().collect();
    let keep = async |guarded| keep(desk, caller, guarded).await;
    let (answer, access) = tool
        .call_with_access(caller.subject(), &scopes, record, keep)
        .await;
    let found = access.arguments;
    match answer {
        Ok(stored) => Ok(Answer::of(json!({
            "id": stored.id,
            "stored": stored.customer,
            "stored_at": stored.at,
            "kept_until": stored.until,
            "contains_pii": !found.is_empty(),
            "actions": found.iter().map(|acted| json!({
                "type": acted.kind.name(),
                "action": acted.action,
                "count": acted.count,
            })).collect::<Vec<_>>(),
        }))
        .found(found)),
        Err(SecureToolError::Tool(Trouble::Unguarded(field))) => {
            let text = format!(
                "`{field}` is not recognized as what it is called, so it would be kept in clear; \
                 correct it, or leave it out. Nothing was stored"
            );
            Err(Refusal::failed(text, "not_recognized").found(found))
        }
        Err(SecureToolError::Tool(Trouble::Store(error))) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "a customer cannot be stored");
            let text = "the customer cannot be stored now; try again later";
            Err(Refusal::failed(text, "store_failed").found(found))
        }
        Err(SecureToolError::Refused(refusal)) => {
            let text = format!("{refusal}. Nothing was stored");
            Err(Refusal::denied(text, refusal.reason.code()).found(refusal.findings))
        }
        Err(error) => Err(Refusal::failed(error.to_string(), "pii_schema_mismatch").found(found)),
    }
}

async fn keep(desk: &Desk<'_>, caller: &Caller, record: CustomerRecord) -> Result<Stored, Trouble> {
    if let Some(field) = record.unguarded() {
        return Err(Trouble::Unguarded(field));
    }
    let now = desk.clock.now();
    let customer = Customer {
        owner: caller.subject().to_owned(),
        record,
        expires_at: now.plus(KEPT),
    };
    let id = new_id(&**desk.random);
    let put = desk.customers.put(&id, &customer).await;
    put.map_err(Trouble::Store)?;
    Ok(Stored {
        id,
        at: period::of_seconds(now.0),
        until: period::of_seconds(customer.expires_at.0),
        customer: customer.record,
    })
}

fn redactor(desk: &Desk<'_>) -> Result<Redactor, Refusal> {
    let written: WrittenPolicy =
        serde_json::from_str(POLICY).expect("the policy of the lab is JSON of this form");
    let policy = Policy::read(&written, desk.scanner).expect("its types are built in");
    let redactor = Redactor::new(desk.scanner.clone(), policy);
    let Some(encryption) = desk.encryption else {
        // The secure tool refuses every call without keys, and says so.
        return Ok(redactor);
    };
    let keys = encryption.keys().map_err(|error| {
        tracing::error!(%error, "the keys for personal data cannot be used");
        Refusal::failed("the keys for personal data cannot be used", "pii_no_keys")
    })?;
    let (random, clock) = (Arc::clone(desk.random), Arc::clone(desk.clock));
    let keys = Arc::new(keys);
    let sealing = Sealing::new(
        move || Arc::clone(&keys),
        move |bytes| random.fill(bytes),
        move || u64::try_from(clock.now().0).unwrap_or_default(),
    );
    Ok(redactor.with_sealing(sealing))
}

/// Letters alone: digits might look like somebody's number.
fn new_id(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let letter = |byte: u8| char::from(b'a' + byte % 16);
    bytes
        .into_iter()
        .flat_map(|byte| [letter(byte), letter(byte >> 4)])
        .collect()
}

//! A simulator as an identity provider of ours: its preset, with the addresses of this machine.

use super::entra::TENANT;
use super::{Addresses, Simulator, Vendor};
use crate::identity_provider::{IdentityProviderSettings, PresetFields};

impl Simulator {
    /// The settings by which a house lets people sign in here, under the name `id`.
    ///
    /// Everything but the addresses is the vendor's preset, and the name says that it is no vendor.
    pub fn provider(&self, id: &str) -> IdentityProviderSettings {
        let (vendor, app) = (self.vendor(), self.app());
        let secret = Some(app.client_secret.clone());
        let mut settings = IdentityProviderSettings::new(id, vendor.name(), &app.client_id, secret);
        settings.overrides = overrides(vendor, self.addresses());
        if vendor == Vendor::Entra {
            let variable = ("tenant".to_owned(), TENANT.to_owned());
            settings.variables.extend([variable]);
        }
        settings
    }
}

fn overrides(vendor: Vendor, addresses: Addresses) -> PresetFields {
    let (name, name_ko) = names(vendor);
    let named = PresetFields {
        name: Some(format!("{name} simulator")),
        name_ko: Some(format!("{name_ko} 시뮬레이터")),
        issuer: addresses.issuer.clone(),
        ..PresetFields::default()
    };
    match vendor {
        // Its ID tokens have two names in `iss`, and both are those of the vendor.
        Vendor::Google => PresetFields {
            id_token_issuers: Some(addresses.issuer.into_iter().collect()),
            ..named
        },
        // Found through the issuer, as at the vendor.
        Vendor::Logto => named,
        _ => PresetFields {
            authorization_endpoint: Some(addresses.authorization_endpoint),
            token_endpoint: Some(addresses.token_endpoint),
            userinfo_endpoint: addresses.userinfo_endpoint,
            email_list_endpoint: addresses.email_list_endpoint,
            revocation_endpoint: addresses.revocation_endpoint,
            jwks_uri: addresses.jwks_uri,
            id_token_issuers: (vendor == Vendor::Entra)
                .then(|| addresses.issuer.into_iter().collect()),
            ..named
        },
    }
}

fn names(vendor: Vendor) -> (&'static str, &'static str) {
    match vendor {
        Vendor::Naver => ("Naver", "네이버"),
        Vendor::NaverClassic => ("Naver (classic)", "네이버 (구)"),
        Vendor::Kakao => ("Kakao", "카카오"),
        Vendor::Line => ("LINE", "라인"),
        Vendor::Google => ("Google", "Google"),
        Vendor::GitHub => ("GitHub", "GitHub"),
        Vendor::Entra => ("Microsoft", "Microsoft"),
        Vendor::Logto => ("Logto", "Logto"),
    }
}

//! `sumun scope`: what can be asked for, in words (RFC 6749 §3.3).

use authorization_server::manage::{Management, NewScope, Precondition, ScopeView};
use authorization_server::text::Words;
use clap::{Args, Subcommand};

use super::Manage;
use super::output::Output;
use super::role::where_from;

/// `sumun scope`
#[derive(Debug, Subcommand)]
pub(crate) enum ScopeCommand {
    /// Makes a scope
    Add(ScopeInWords),
    /// Lists every scope that is not about identity
    List,
    /// Shows a scope
    Show(ScopeName),
    /// Describes a scope in other words
    Change(ScopeInWords),
    /// Removes a scope that no role and no resource has
    Remove(ScopeName),
}

/// Which scope.
#[derive(Debug, Args)]
pub(crate) struct ScopeName {
    /// The scope as it stands in tokens
    name: String,
}

/// A scope in the words that people are asked with.
#[derive(Debug, Args)]
pub(crate) struct ScopeInWords {
    /// The scope as it stands in tokens
    name: String,
    /// What a client may do with it, in English: a phrase that follows "This lets it …"
    #[arg(long)]
    en: String,
    /// The same in Korean
    #[arg(long)]
    ko: String,
}

impl Manage for ScopeCommand {
    async fn run(self, management: &Management, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::Add(ScopeInWords { name, en, ko }) => {
                let words = Words { en, ko };
                let scope = management.create_scope(NewScope { name, words }).await?;
                output.done(&scope, &format!("the scope {} is made", scope.name))
            }
            Self::List => {
                let scopes = management.scopes().await?.items;
                output.list(&scopes, ["name", "en", "ko", "declared"], row)
            }
            Self::Show(ScopeName { name }) => output.show(&management.scope(&name).await?),
            Self::Change(ScopeInWords { name, en, ko }) => {
                let words = Words { en, ko };
                let scope = management
                    .change_scope(&name, words, &Precondition::NONE)
                    .await?;
                output.done(&scope, &format!("the scope {name} is changed"))
            }
            Self::Remove(ScopeName { name }) => {
                let scope = management.scope(&name).await?;
                management.remove_scope(&name, &Precondition::NONE).await?;
                output.done(&scope, &format!("the scope {name} is removed"))
            }
        }
    }
}

fn row(scope: &ScopeView) -> [String; 4] {
    [
        scope.name.clone(),
        scope.words.en.clone(),
        scope.words.ko.clone(),
        where_from(scope.declared),
    ]
}

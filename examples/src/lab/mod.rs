//! The security lab: OAuth and data protection to try out, on the parts that this server really has.
//!
//! | tool | needs | file |
//! |---|---|---|
//! | `get_oauth2_server_status` | `lab:read` | `status.rs` |
//! | `get_oauth2_flow_guide` | `lab:read` | `guide/` |
//! | `validate_oauth2_setup` | `lab:test` | `setup/` |
//! | `create_oauth2_test_token` | `lab:token` | `token.rs` |
//! | `test_pii_detection` | `lab:test` | `detection.rs` |
//! | `test_encryption` | `lab:test` | `encryption.rs` |
//! | `process_customer_data` | `lab:test` | `customer.rs` |
//! | `get_security_audit_log` | `lab:read`; everybody's with `audit:read` | `history.rs` |
//! | `simulate_data_breach_detection` | `lab:test` | `breach.rs` |
//! | `generate_security_report` | `audit:read` | `report.rs` |
//!
//! What is asked of the authorization server stands in `authority.rs`; every call is recorded
//! (`record.rs`).

mod arguments;
mod authority;
mod breach;
mod customer;
mod detection;
mod encryption;
mod guide;
mod history;
mod period;
mod record;
mod report;
mod setup;
mod status;
mod token;

use std::sync::Arc;

use audit::AuditLog;
use audit::rule::Thresholds;
use oauth::client::fetch::Fetch;
use oauth::random::Random;
use oauth::time::Clock;
use pii::Scanner;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ErrorData, Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use store::Collection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::McpService;
use crate::tools::{ObserveTools, observed};
use record::{Errand, recorded};

pub use authority::{Authority, Count, Facts, IssueError, SigningKey, TestToken, Unavailable};
pub use customer::Customer;
pub use encryption::Encryption;
pub use record::Origin;
pub use setup::ServedResource;

/// The scope to look around with.
pub const READ: &str = "lab:read";
/// The scope to try things out with.
pub const TEST: &str = "lab:test";
/// The scope without which nobody has tokens made.
pub const TOKEN: &str = "lab:token";
/// The scope with which a caller sees what everybody did.
pub const AUDIT: &str = "audit:read";

/// The tools and the scopes that they need.
pub const TOOL_SCOPES: [(&str, &str); 10] = [
    ("get_oauth2_server_status", READ),
    ("get_oauth2_flow_guide", READ),
    ("get_security_audit_log", READ),
    ("validate_oauth2_setup", TEST),
    ("test_pii_detection", TEST),
    ("test_encryption", TEST),
    ("simulate_data_breach_detection", TEST),
    ("process_customer_data", TEST),
    ("create_oauth2_test_token", TOKEN),
    ("generate_security_report", AUDIT),
];

/// What the server works with.
#[derive(Debug)]
pub struct Parts {
    /// The authorization server.
    pub authority: Arc<dyn Authority>,
    /// What is protected by it, to be looked at from outside.
    pub resources: Vec<ServedResource>,
    /// HTTP out, to look at ourselves.
    pub fetch: Fetch,
    /// Where calls are recorded, if they are.
    pub audit: Option<AuditLog>,
    /// From how much on the rules speak.
    pub thresholds: Thresholds,
    /// Finds personal data.
    pub scanner: Scanner,
    /// The keys for personal data, if there are any.
    pub encryption: Option<Encryption>,
    /// Where customers are kept.
    pub customers: Collection<Customer>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where keys and names come from.
    pub random: Arc<dyn Random>,
    /// Who counts.
    pub observer: Option<Arc<dyn ObserveTools>>,
}

/// The MCP server.
#[derive(Clone, Debug)]
pub struct SecurityLab {
    parts: Arc<Parts>,
    url: Arc<str>,
    /// What takes a processor for a second is done one after the other.
    turn: Arc<Semaphore>,
    tools: Arc<ToolRouter<Self>>,
}

/// The server at `url`, its public address. It has to stand behind a guard.
pub fn service(url: &str, parts: Parts) -> McpService<SecurityLab> {
    let tools = observed(SecurityLab::tool_router(), parts.observer.clone());
    let lab = SecurityLab {
        parts: Arc::new(parts),
        url: url.into(),
        turn: Arc::new(Semaphore::new(1)),
        tools,
    };
    crate::stateless::serve(lab, url)
}

type Answered = Result<CallToolResult, ErrorData>;

impl SecurityLab {
    fn log(&self) -> Option<&AuditLog> {
        self.parts.audit.as_ref()
    }

    fn now(&self) -> jiff::Timestamp {
        period::now(&*self.parts.clock)
    }

    /// Waits for a turn; it ends when it is dropped. Work on a thread of its own takes it along, since it
    /// goes on when the caller has gone.
    async fn turn(&self) -> OwnedSemaphorePermit {
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        turn.expect("nobody closes this semaphore")
    }
}

#[tool_router]
impl SecurityLab {
    /// Asks the authorization server itself.
    #[tool(
        name = "get_oauth2_server_status",
        description = "Returns the state of the authorization server: issuer, endpoints, grants, signing \
                       keys (public side), counts and health",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn status(&self, errand: Errand) -> Answered {
        let work = status::tell(&*self.parts.authority, &*self.parts.clock);
        recorded(self.log(), &errand, "get_oauth2_server_status", false, work).await
    }

    /// Through the same door as every exchanged token.
    #[tool(
        name = "create_oauth2_test_token",
        description = "Issues a real access token for this server that lives for 5 minutes at most and \
                       has no more scopes than the caller",
        annotations(destructive_hint = false, open_world_hint = false)
    )]
    async fn token(
        &self,
        errand: Errand,
        Parameters(arguments): Parameters<arguments::NewToken>,
    ) -> Answered {
        let authority = &*self.parts.authority;
        let work = token::create(authority, &errand.caller, &self.url, &arguments);
        recorded(self.log(), &errand, "create_oauth2_test_token", true, work).await
    }

    /// Made of the metadata.
    #[tool(
        name = "get_oauth2_flow_guide",
        description = "Explains a way to a token step by step, with commands that work against this \
                       server",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn guide(
        &self,
        errand: Errand,
        Parameters(arguments): Parameters<arguments::Guide>,
    ) -> Answered {
        let metadata = self.parts.authority.metadata();
        let work = async { Ok(guide::write(&metadata, &self.url, arguments.flow)) };
        recorded(self.log(), &errand, "get_oauth2_flow_guide", false, work).await
    }

    /// Looks from outside, as a client would.
    #[tool(
        name = "validate_oauth2_setup",
        description = "Checks the running server from outside and inside: each check with pass, warn or \
                       fail, why, and how to fix it",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn validate(&self, errand: Errand) -> Answered {
        let work = async {
            let _turn = self.turn().await;
            setup::validate(&self.parts).await
        };
        recorded(self.log(), &errand, "validate_oauth2_setup", false, work).await
    }

    /// With the scanner of the gateway.
    #[tool(
        name = "test_pii_detection",
        description = "Finds personal data in a text: types, places in characters and bytes, scores, and \
                       the text with all of it masked",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn detection(
        &self,
        errand: Errand,
        Parameters(arguments): Parameters<arguments::Detection>,
    ) -> Answered {
        let work = async { detection::test(&self.parts.scanner, &arguments) };
        recorded(self.log(), &errand, "test_pii_detection", false, work).await
    }

    /// With the keys of the gateway.
    #[tool(
        name = "test_encryption",
        description = "Encrypts a text (Fernet) and decrypts it again, and shows that another key, a \
                       changed token and another person get nothing",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn encryption(
        &self,
        errand: Errand,
        Parameters(arguments): Parameters<arguments::Encryption>,
    ) -> Answered {
        let desk = encryption::Desk {
            encryption: self.parts.encryption.as_ref(),
            random: &*self.parts.random,
            clock: &*self.parts.clock,
            subject: errand.caller.subject(),
        };
        let work = async { encryption::test(&desk, &arguments) };
        recorded(self.log(), &errand, "test_encryption", false, work).await
    }

    /// Without `audit:read` a caller sees only their own.
    #[tool(
        name = "get_security_audit_log",
        description = "Lists what was recorded of the caller, or of everybody with the scope audit:read; \
                       the newest first",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn history(
        &self,
        errand: Errand,
        Parameters(arguments): Parameters<arguments::History>,
    ) -> Answered {
        let work = history::read(self.log(), &errand.caller, &arguments, self.now());
        recorded(self.log(), &errand, "get_security_audit_log", false, work).await
    }

    /// In memory alone.
    #[tool(
        name = "simulate_data_breach_detection",
        description = "Plays a month of made-up events with breaches in it against the real rules, and \
                       says which were found and how fast",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn breach(
        &self,
        errand: Errand,
        Parameters(arguments): Parameters<arguments::Breach>,
    ) -> Answered {
        let work = async {
            let turn = self.turn().await;
            breach::play(&self.parts.thresholds, &arguments, turn).await
        };
        let tool = "simulate_data_breach_detection";
        recorded(self.log(), &errand, tool, false, work).await
    }

    /// About everybody, so it needs the scope for that.
    #[tool(
        name = "generate_security_report",
        description = "Writes the security report on what was recorded, as HTML, Markdown or JSON, and \
                       says whether the log is whole",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn report(
        &self,
        errand: Errand,
        Parameters(arguments): Parameters<arguments::Report>,
    ) -> Answered {
        let work = async {
            let turn = self.turn().await;
            report::generate(self.log(), &arguments, self.now(), turn).await
        };
        recorded(self.log(), &errand, "generate_security_report", false, work).await
    }

    /// Under the policy for personal data.
    #[tool(
        name = "process_customer_data",
        description = "Stores a customer for a day: registration and card numbers are encrypted, telephone \
                       numbers, addresses of e-mail and names are masked before the tool sees them",
        annotations(destructive_hint = false, open_world_hint = false)
    )]
    async fn customer(
        &self,
        errand: Errand,
        Parameters(record): Parameters<customer::CustomerRecord>,
    ) -> Answered {
        let desk = customer::Desk {
            customers: &self.parts.customers,
            scanner: &self.parts.scanner,
            encryption: self.parts.encryption.as_ref(),
            clock: &self.parts.clock,
            random: &self.parts.random,
        };
        let work = customer::process(&desk, &errand.caller, record);
        recorded(self.log(), &errand, "process_customer_data", true, work).await
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for SecurityLab {
    fn get_info(&self) -> ServerConfig {
        let instructions = "Try out OAuth and data protection on this very server. Begin with \
                            `validate_oauth2_setup`; `get_oauth2_flow_guide` explains a way to a token.";
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(
                "sumun-security-lab",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_instructions(instructions)
    }
}

//! What the protocol lets one expect: which revision has which ability, on which side.

use gateway::Revision::{V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28};
use gateway::{Era, Revision};

/// Something that client and server can do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ability {
    ListTools,
    CallTool,
    ToolError,
    RpcError,
    Progress,
    Log,
    Form,
    Url,
    Address,
    Sampling,
    Roots,
    RootsChanged,
    ReadResource,
    NoResource,
    Subscription,
    ListChanged,
    Prompt,
    Completion,
    Cancel,
    Ping,
    ServerPing,
    Batch,
    Tasks,
}

/// What comes of trying an ability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It works.
    Works,
    /// It does not, and whoever tried is told so in words.
    Said,
    /// A revision has no words for it, so there is nothing to try.
    Lacking,
}

/// Who takes part in an ability, on one side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// Peers of these revisions, the first and the last of them included.
    Since(Revision, Revision),
    /// Nobody: the gateway does it itself.
    Gateway,
}

impl Side {
    fn has(self, revision: Revision) -> bool {
        match self {
            Self::Since(first, last) => (first..=last).contains(&revision),
            Self::Gateway => true,
        }
    }
}

/// The rule for one ability.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) ability: Ability,
    /// Its name on the page.
    pub(super) name: &'static str,
    pub(super) client: Side,
    pub(super) server: Side,
    /// Whether it is tried with clients whose revision does not have it, to see that words say so.
    pub(super) is_tried_without: bool,
}

/// Pairs of revisions for which something else holds than the rule, and why.
#[derive(Debug)]
pub(super) struct Exception {
    ability: Ability,
    holds: fn(client: Revision, server: Revision) -> bool,
    outcome: Outcome,
    /// What the page says.
    pub(super) why: &'static str,
}

/// All that both sides have and that does not work.
pub(super) const EXCEPTIONS: [Exception; 1] = [Exception {
    ability: Ability::Tasks,
    holds: |client, server| is_of_sessions(client) != is_of_sessions(server),
    outcome: Outcome::Said,
    why: "Tasks are not bridged: until 2025-11-25 the client asks for a task with its call, since \
          2026-07-28 the server decides\nupon it, and the messages of the same names differ.",
}];

const ALL: Side = Side::Since(V2024_11_05, V2026_07_28);
const SESSIONS: Side = Side::Since(V2024_11_05, V2025_11_25);

/// An ability of every revision.
const fn always(ability: Ability, name: &'static str) -> Rule {
    between(ability, name, ALL, ALL)
}

/// An ability that the server begins, or that clients without it try to no avail.
const fn between(ability: Ability, name: &'static str, client: Side, server: Side) -> Rule {
    Rule {
        ability,
        name,
        client,
        server,
        is_tried_without: true,
    }
}

const fn since(first: Revision) -> Side {
    Side::Since(first, V2026_07_28)
}

const fn only(revision: Revision) -> Side {
    Side::Since(revision, revision)
}

/// All that is tried, in the order of the page.
pub(super) const RULES: [Rule; 23] = [
    always(Ability::ListTools, "list tools"),
    always(Ability::CallTool, "call a tool"),
    always(Ability::ToolError, "a tool that fails"),
    always(Ability::RpcError, "a JSON-RPC error"),
    always(Ability::Progress, "progress"),
    always(Ability::Log, "log messages"),
    between(
        Ability::Form,
        "elicitation by form",
        since(V2025_06_18),
        since(V2025_06_18),
    ),
    between(
        Ability::Url,
        "elicitation by URL",
        since(V2025_11_25),
        since(V2025_11_25),
    ),
    // In 2026-07-28 it is an elicitation like others.
    between(
        Ability::Address,
        "an address first (error -32042)",
        since(V2025_11_25),
        only(V2025_11_25),
    ),
    always(Ability::Sampling, "sampling"),
    always(Ability::Roots, "roots"),
    between(
        Ability::RootsChanged,
        "roots have changed",
        SESSIONS,
        SESSIONS,
    ),
    always(Ability::ReadResource, "read a resource"),
    always(Ability::NoResource, "a resource that is not there"),
    always(Ability::Subscription, "subscribe to a resource"),
    always(Ability::ListChanged, "lists have changed"),
    always(Ability::Prompt, "get a prompt"),
    always(Ability::Completion, "completion"),
    always(Ability::Cancel, "cancel"),
    between(Ability::Ping, "ping by the client", SESSIONS, Side::Gateway),
    between(
        Ability::ServerPing,
        "ping by the server",
        Side::Gateway,
        SESSIONS,
    ),
    between(
        Ability::Batch,
        "batches of the client",
        only(V2025_03_26),
        Side::Gateway,
    ),
    Rule {
        is_tried_without: false,
        ..between(
            Ability::Tasks,
            "tasks",
            since(V2025_11_25),
            since(V2025_11_25),
        )
    },
];

impl Rule {
    /// Whether both sides have it.
    pub(super) fn is_common(&self, client: Revision, server: Revision) -> bool {
        self.client.has(client) && self.server.has(server)
    }

    /// What should come of it.
    pub(super) fn expected(&self, client: Revision, server: Revision) -> Outcome {
        if !self.server.has(server) || !(self.client.has(client) || self.is_tried_without) {
            return Outcome::Lacking;
        }
        if !self.client.has(client) {
            return Outcome::Said;
        }
        let mut exceptions = EXCEPTIONS.iter();
        let exception = exceptions.find(|exception| {
            exception.ability == self.ability && (exception.holds)(client, server)
        });
        exception.map_or(Outcome::Works, |exception| exception.outcome)
    }
}

/// Whether clients and servers of a revision introduce themselves once.
pub(super) fn is_of_sessions(revision: Revision) -> bool {
    revision.era() == Era::Sessions
}

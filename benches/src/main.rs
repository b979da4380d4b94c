//! The benchmarks behind `scripts/bench`: what a guard costs a tool call, what a token costs, what a
//! complete flow through an identity provider costs, what a gateway costs, how fast personal data is found,
//! and a call of an API on behalf of a person.

mod command_line;
mod delegation;
mod flow;
mod gateway;
mod load;
mod machine;
mod material;
mod mcp;
mod neighbour;
mod pii;
mod probe;
mod report;
mod round;
mod subject;
mod token;

use clap::Parser as _;
use mimalloc::MiMalloc;

use command_line::{CommandLine, What};

/// The allocator of `sumun`, for the guarded and the unguarded alike.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> anyhow::Result<()> {
    match CommandLine::parse().what {
        What::Mcp(effort) => mcp::run(&effort.effective()),
        What::Token(effort) => token::run(&effort.effective()),
        What::All(effort) => {
            let effort = effort.effective();
            mcp::run(&effort)?;
            token::run(&effort)?;
            flow::run(&effort)?;
            pii::run(&effort)?;
            gateway::run(&effort)?;
            delegation::run(&effort)
        }
        What::Pii(effort) => pii::run(&effort.effective()),
        What::Gateway(effort) => gateway::run(&effort.effective()),
        What::Delegation(effort) => delegation::run(&effort.effective()),
        What::Flow(effort) => flow::run(&effort.effective()),
        What::Subject(subject) => subject::run(subject),
        What::Load(load) => load::run(&load),
        What::Flows(flows) => flow::put_on(&flows),
    }
}

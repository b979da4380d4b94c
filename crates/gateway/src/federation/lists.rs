//! The lists of several servers as one.

use futures_util::future::join_all;
use serde_json::value::RawValue;

use super::Member;
use super::names::{Place, prefix_item};
use crate::json::{Object, Raw, raw};
use crate::listing::{Endless, Pages};
use crate::message::Request;
use crate::outlet::Outlet;
use crate::server::Failure;
use crate::visit::Visit;

/// A server whose pages are larger than this together, in bytes, is not followed any further: they are put on one.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A method that lists something.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    method: &'static str,
    member: &'static str,
    place: Place,
}

const LISTS: [List; 5] = [
    List {
        method: "tools/list",
        member: "tools",
        place: Place::Tool,
    },
    List {
        method: "prompts/list",
        member: "prompts",
        place: Place::Prompt,
    },
    List {
        method: "resources/list",
        member: "resources",
        place: Place::Resource,
    },
    List {
        method: "resources/templates/list",
        member: "resourceTemplates",
        place: Place::Resource,
    },
    List {
        method: "tasks/list",
        member: "tasks",
        place: Place::Task,
    },
];

impl List {
    pub(super) fn of(method: &str) -> Option<Self> {
        LISTS.into_iter().find(|list| list.method == method)
    }

    /// Everything that the members list, in the order of the settings, on one page.
    ///
    /// Who is dead or does not have such a list adds nothing; its state is seen in the health of the house.
    pub(super) async fn gather(
        self,
        members: &[Member],
        visit: &Visit,
        outlet: &Outlet,
    ) -> Result<Raw, Failure> {
        let lists = members
            .iter()
            .map(|member| self.pages(member, visit, outlet));
        let items: Vec<Raw> = join_all(lists).await.into_iter().flatten().collect();
        let mut result = Object::default();
        result.set(self.member, raw(&items));
        // What one caller may see is not what another may see.
        result.set("ttlMs", raw(&0));
        result.set("cacheScope", raw("private"));
        Ok(result.to_raw())
    }

    async fn pages(self, member: &Member, visit: &Visit, outlet: &Outlet) -> Vec<Raw> {
        let mut items = Vec::new();
        let mut pages = Pages::default();
        let mut bytes = 0;
        loop {
            let request = Request {
                method: self.method.to_owned(),
                params: pages.params(),
            };
            let page = match member.server.call(visit, request, outlet).await {
                Ok(page) => page,
                Err(failure) => {
                    tracing::debug!(upstream.name = &*member.name, ?failure, "it lists nothing");
                    break;
                }
            };
            bytes += page.get().len();
            let Some(page) = Object::of(&page) else { break };
            let listed = page.array(self.member).unwrap_or_default();
            items.extend(
                listed
                    .into_iter()
                    .map(|item| prefix_item(item, &member.name, self.place)),
            );
            match pages.turn(&page) {
                Ok(true) if bytes < MOST_BYTES => {}
                Ok(false) => break,
                Ok(true) | Err(Endless) => {
                    tracing::warn!(
                        upstream.name = &*member.name,
                        "its list is not read to its end"
                    );
                    break;
                }
            }
        }
        items
    }
}

/// Adds the capabilities of one more server: what one of them can do, all of them together can.
pub(super) fn merge_capabilities(all: &mut Object<'_>, one: &RawValue) {
    let Some(one) = Object::of(one) else { return };
    for (name, value) in one.members() {
        let merged = match all.object(name) {
            None => value.to_owned(),
            Some(mut known) => {
                let Some(more) = Object::of(value) else {
                    continue;
                };
                for (name, value) in more.members() {
                    if !known.contains(name) || value.get() == "true" {
                        known.set(name.to_owned(), value.to_owned());
                    }
                }
                known.to_raw()
            }
        };
        all.set(name.to_owned(), merged);
    }
}

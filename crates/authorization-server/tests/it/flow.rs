//! The two ways to a grant in one shape: a code that a browser carries, and a device that asks.

use crate::browser::{Browser, redemption, request};
use crate::device::{self, TV};
use crate::house::{Answer, CLIENT, House};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    Code,
    Device,
}

/// What a client has in hand when a person has just said yes.
pub(crate) struct Presented {
    flow: Flow,
    code: String,
}

impl Presented {
    /// Goes the way of a person who agrees.
    pub(crate) async fn by(flow: Flow, house: &House) -> Self {
        let mut browser = Browser::new(house);
        let code = match flow {
            Flow::Code => browser.code("admin", &request()).await,
            Flow::Device => {
                let device = device::ask(house).await;
                device::approve(&mut browser, &device).await;
                device.device_code
            }
        };
        Self { flow, code }
    }

    /// Exchanges the code; as somebody who is not the right one gets hold of it, if not `is_right`.
    pub(crate) async fn redeem(&self, house: &House, is_right: bool) -> Answer {
        match self.flow {
            Flow::Code => {
                let mut form = redemption(&self.code);
                let wrong = "w".repeat(43);
                if !is_right {
                    form[4].1 = &wrong;
                }
                house.post("/token", &form).await
            }
            Flow::Device => {
                let client_id = if is_right { TV } else { "other-tv" };
                device::poll_as(house, client_id, &self.code).await
            }
        }
    }
}

impl Flow {
    fn client_id(self) -> &'static str {
        match self {
            Self::Code => CLIENT,
            Self::Device => TV,
        }
    }

    pub(crate) async fn refresh(self, house: &House, refresh_token: &str) -> Answer {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", self.client_id()),
        ];
        house.post("/token", &form).await
    }

    pub(crate) async fn revoke(self, house: &House, token: &str) -> Answer {
        let form = [("token", token), ("client_id", self.client_id())];
        house.post("/revoke", &form).await
    }
}

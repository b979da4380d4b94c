//! The stand-in API of the demo, beside the house on a port of its own, and the server that calls it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use examples::demo_api::{DemoApi, RegisteredClient};
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::SystemClock;
use tokio::net::TcpListener;

use crate::house::{self, House};

/// The API, and where it will be.
pub(super) struct Beside {
    api: DemoApi,
    listener: TcpListener,
    address: SocketAddr,
    client: RegisteredClient,
}

impl Beside {
    /// Takes a port, for a house at `public_url`.
    pub(super) async fn prepare(public_url: &str) -> anyhow::Result<Self> {
        let listener = house::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let address = listener.local_addr()?;
        let client = RegisteredClient {
            client_id: "sumun-demo".to_owned(),
            client_secret: Secret::random(&OsRandom),
            redirect_uri: format!("{public_url}/callback/demo-api"),
        };
        let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
        Ok(Self {
            api: DemoApi::new(client.clone(), clock, random),
            listener,
            address,
            client,
        })
    }

    /// The settings that an operator would write for it.
    pub(super) fn settings(&self) -> String {
        let RegisteredClient {
            client_id,
            client_secret,
            ..
        } = &self.client;
        let (api, secret) = (format!("http://{}", self.address), client_secret.expose());
        format!(
            "\n[[identity_providers]]\nid = \"demo-api\"\npreset = \"oauth2\"\nsign_in = false\n\
             name = \"Demo API\"\nname_ko = \"데모 API\"\nclient_id = \"{client_id}\"\n\
             client_secret = \"{secret}\"\nauthorization_endpoint = \"{api}/oauth/authorize\"\n\
             token_endpoint = \"{api}/oauth/token\"\nuserinfo_endpoint = \"{api}/user/profile\"\n\
             revocation_endpoint = \"{api}/oauth/revoke\"\nsubject_at = \"/id\"\n\
             username_at = \"/username\"\n\n[[servers]]\nname = \"hybrid\"\napi = \"{api}\"\n\
             api_client_id = \"{client_id}\"\napi_client_secret = \"{secret}\"\n\
             api_token_endpoint = \"{api}/oauth/token\"\nidentity_provider = \"demo-api\"\n"
        )
    }

    /// Serves it as long as the house is there; where it is.
    pub(super) fn serve(self, house: &House) -> SocketAddr {
        house.serve_beside(self.listener, self.api.router());
        self.address
    }
}

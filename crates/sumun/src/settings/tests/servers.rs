//! Servers, clients, roles and scopes that cannot work together.

use super::*;

#[test]
fn scopes_have_words_in_both_languages() {
    let create = "[scopes.\"create:todos\"]\nen = \"add todos\"\n";
    refused_at_end(
        create,
        &[
            "the scope `create:todos` is not described in `ko`: people are asked for consent in \
         English and Korean, so add both",
        ],
    );
    let create = format!("{create}ko = \"할 일 추가\"\n");
    refused_at_end(
        &format!("{create}[roles]\nUser = [\"creat:todos\", \"x\"]"),
        &[
            "the scope `creat:todos` is unknown: did you mean `create:todos`?",
            "the scope `x` has no words: add [scopes.\"x\"] with en and ko",
        ],
    );
    refused_at_end(
        &format!("{create}[roles]\nAdmin = [\"create:todos\"]"),
        &["`default_role` = `User` is not one of the roles: write one of Admin"],
    );
    refused_at_end(
        "[[servers]]\nname = \"hello\"",
        &[
            "this server has the scope `mcp.access`, which is not described: add [scopes.\"mcp.access\"] \
         with en and ko",
        ],
    );
    let roles = format!("{LEAST}{create}[roles]\nUser = [\"create:todos\", \"openid\"]");
    assert!(accepted(&roles).authorization_server.roles["User"].contains("openid"));
}

#[test]
fn servers_do_not_get_in_each_others_way() {
    refused_at_end(
        "[[servers]]\nname = \"whoami\"",
        &["another server has the path `/whoami/mcp` already: give this one another `path`"],
    );
    refused_at_end(
        "[[servers]]\nname = \"who\"",
        &[
            "`servers[1].name`: there is no server `who`: write whoami, todo, hello, hybrid, naver or security-lab",
        ],
    );
    refused_at_end(
        "[[servers]]\npath = \"/x\"",
        &[
            "`servers[1].name`: write which server this is: whoami, todo, hello, hybrid, naver or security-lab",
        ],
    );
    refused_at_end(
        "[[servers]]\nname = \"whoami\"\npath = \"/token/mcp\"",
        &["`servers[1].path`: /token belongs to the authorization server: choose another path"],
    );
    for bad in ["mcp", "/", "/a//b", "/a/../b", "/{x}", "/a b", "/a/"] {
        let line = format!("[[servers]]\nname = \"whoami\"\npath = \"{bad}\"");
        let message = format!(
            "`servers[1].path`: `{bad}` is no path for a server: write a path of letters, digits \
             and - _ . ~ between slashes, such as /todo/mcp"
        );
        refused_at_end(&line, &[&message]);
    }
}

#[test]
fn a_foreign_authorization_server() {
    let server = "[[servers]]\nname = \"whoami\"\npath = \"/foreign/mcp\"\n";
    refused_at_end(
        &format!("{server}audience = \"x\""),
        &[
            "`audience` is for servers with an `authorization_server` of their own: add that, or remove \
         `audience`",
        ],
    );
    let server = format!("{server}authorization_server = \"https://id.example\"\n");
    refused_at_end(
        &format!("{server}verify = \"magic\""),
        &["`magic` is no way to verify: write jwt, introspection or userinfo"],
    );
    refused_at_end(
        &format!("{server}token_types = []"),
        &["without a `typ` no token is accepted: write [\"at+jwt\"]"],
    );
    refused_at_end(
        &format!("{server}verify = \"introspection\""),
        &[
            "introspection needs our own credentials at that server (RFC 7662 §2.1): add `client_id` \
         and `client_secret`",
        ],
    );
    check_refused(
        &format!("public_url = \"https://a.example\"\ndata = \"d\"\n{server}"),
        &[
            "no server accepts tokens of this authorization server, so it would issue none: add one \
           without `authorization_server`",
        ],
    );
    let secret = "verify = \"introspection\"\nclient_id = \"rs\"\nclient_secret = \"s\"";
    let settings = accepted(&format!("{LEAST}{server}{secret}"));
    let Trust::Foreign(foreign) = &settings.servers[1].trusts else {
        panic!("{settings:?}");
    };
    assert_eq!(foreign.audience, "https://mcp.example.com/foreign/mcp");
    assert!(matches!(foreign.verify, Verify::Introspection { .. }));
    assert_eq!(
        settings.authorization_server.resources.len(),
        1,
        "we issue nothing for it"
    );
}

#[test]
fn clients_that_cannot_work() {
    let client = "[[clients]]\nclient_id = \"c\"\ngrant_types = [\"client_credentials\"]\n";
    refused_at_end(
        &client.replace("client_id = \"c\"\n", "secret = \"s\"\n"),
        &["this client has no `client_id`: add one"],
    );
    refused_at_end(
        &format!("{client}secret = \"s\"\n{client}secret = \"s\"\n"),
        &["another client has the same `client_id`: choose another one"],
    );
    refused_at_end(
        client,
        &["this client cannot work: the grant type client_credentials needs client authentication"],
    );
    refused_at_end(
        &format!("{client}auth_method = \"client_secret_post\""),
        &["this client has no secret to authenticate with: add `secret` or `secret_file`"],
    );
    refused_at_end(
        &format!("{client}secret = \"s\"\nauth_method = \"mtls\""),
        &[
            "`clients[0].auth_method`: `mtls` is unknown: write none, client_secret_basic, \
         client_secret_post or private_key_jwt",
        ],
    );
    refused_at_end(
        &format!("{client}secret = \"s\"\nintrospects = [\"/todo/mcp\"]"),
        &["`clients[0].introspects[0]`: no server has the path `/todo/mcp`: write the path of one"],
    );
    refused_at_end(
        &format!("{client}secret = \"s\"\nscope = [\"x\"]"),
        &["the scope `x` has no words: add [scopes.\"x\"] with en and ko"],
    );
    refused_at_end(
        "[[clients]]\nclient_id = \"https://a.example/c\"\nredirect_uris = [\"https://a.example/cb\"]",
        &["the client_id `https://a.example/c` must not be a URL"],
    );
}

#[test]
fn a_first_party_client_that_anybody_can_play() {
    let client = "[[clients]]\nclient_id = \"c\"\nfirst_party = true\nredirect_uris = ";
    for uri in ["http://127.0.0.1/cb", "https://localhost/cb"] {
        refused_at_end(
            &format!("{client}[\"{uri}\"]"),
            &[
                "a first-party client skips consent, but one that has no secret and runs on people's \
             machines cannot be told from an impostor: remove `first_party`, or leave only https \
             redirect URIs of a web site",
            ],
        );
    }
    accepted(&format!("{LEAST}{client}[\"https://a.example/cb\"]"));
    accepted(&format!(
        "{LEAST}{client}[\"http://127.0.0.1/cb\"]\nsecret = \"s\""
    ));
    refused_at_end(
        &format!("{client}[\"http://a.example/cb\"]\nsecret = \"s\""),
        &[
            "`clients[0].redirect_uris[0]`: http is allowed only for localhost, 127.0.0.1 and [::1]; \
         use https",
        ],
    );
}

#[test]
fn issuers_that_are_trusted() {
    let issuer = "[[trusted_issuers]]\nissuer = \"https://idp.example\"\n";
    refused_at_end(
        "[[trusted_issuers]]",
        &["this issuer has no name: add `issuer`, as its tokens say it in `iss`"],
    );
    refused_at_end(
        &format!("{issuer}{issuer}"),
        &["this issuer is there twice: remove one"],
    );
    refused_at_end(
        &format!("{issuer}sign_up = true"),
        &[
            "`sign_up` is for issuers that speak for people: add `id_jag = true`, or remove `sign_up`",
        ],
    );
    refused_at_end(
        &format!("{issuer}id_jag = true"),
        &[
            "`id_jag` needs `identity_provider`: write under which id the people of this issuer are \
         known here",
        ],
    );
    refused_at_end(
        &format!("{issuer}max_lifetime = \"25h\""),
        &[
            "`max_lifetime` must be more than 0s and at most 24h: whoever finds an assertion can use \
         it for so long",
        ],
    );
    refused_at_end(
        &format!("{issuer}algorithms = [\"HS256\"]"),
        &[
            "`trusted_issuers[0].algorithms[0]`: `HS256` is no algorithm with a public key: write \
         EdDSA, ES256, ES384, RS256, RS384, RS512, PS256, PS384, PS512",
        ],
    );
    refused_at_end(
        &format!("{issuer}jwks_uri = \"http://idp.example/keys\""),
        &[
            "trusted issuer `https://idp.example`: its keys must come over https, or somebody on \
         the way can exchange them",
        ],
    );
    let people = format!("{issuer}id_jag = true\nidentity_provider = \"acme\"\n");
    refused_at_end(
        &format!("{people}servers = [\"/todo/mcp\"]"),
        &[
            "`trusted_issuers[0].servers[0]`: no server has the path `/todo/mcp`: write the path of \
         one",
        ],
    );
    let settings = accepted(&format!("{LEAST}{people}servers = [\"/whoami/mcp\"]"));
    let trusted = &settings.authorization_server.trusted_issuers[0];
    let people = trusted.people.as_ref().unwrap();
    assert_eq!(people.resources, [settings.servers[0].resource.clone()]);
    assert!(trusted.single_use && !people.sign_up);
}

#[test]
fn clients_that_an_issuer_vouches_for() {
    let client = "[[clients]]\nclient_id = \"router\"\nredirect_uris = []\n\
                  grant_types = [\"client_credentials\"]\nassertion_issuer = \"https://k.example\"\n";
    refused_at_end(
        client,
        &[
            "`assertion_issuer` and `assertion_subject` say together who vouches for this client: add \
         the other one",
        ],
    );
    let client = format!("{client}assertion_subject = \"router\"\n");
    refused_at_end(
        &client,
        &["client `router`: the issuer of its assertions is not a trusted one"],
    );
    let issuer = "[[trusted_issuers]]\nissuer = \"https://k.example\"\n";
    let settings = accepted(&format!("{LEAST}{client}{issuer}"));
    let router = &settings.authorization_server.clients[0];
    assert_eq!(router.workload.as_ref().unwrap().subject, "router");
}

#[test]
fn the_security_lab_has_scopes_of_its_own() {
    let scopes = ["lab:read", "lab:test", "lab:token", "audit:read"]
        .map(|scope| format!("[scopes.\"{scope}\"]\nen = \"x\"\nko = \"x\"\n"))
        .concat();
    let settings = accepted(&format!(
        "{LEAST}{scopes}[[servers]]\nname = \"security-lab\"\n"
    ));
    assert_eq!(settings.servers[1].path, "/lab/mcp");
    assert!(settings.servers[1].kind.scope().contains("audit:read"));
    refused_at_end(
        "[[servers]]\nname = \"security-lab\"",
        &["audit:read", "lab:read", "lab:test", "lab:token"].map(|scope| {
            format!(
                "this server has the scope `{scope}`, which is not described: add [scopes.\"{scope}\"] with en \
                 and ko"
            )
        }).each_ref().map(|message| &**message),
    );
    refused_at_end(
        &format!("{scopes}[[servers]]\nname = \"security-lab\"\napi = \"https://api.example\""),
        &["`api` is for servers that call an API, hybrid and naver: remove it"],
    );
}

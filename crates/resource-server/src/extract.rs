//! `Caller` as an argument: of axum handlers, and of rmcp tools.

#[cfg(feature = "axum")]
mod axum {
    use axum::extract::FromRequestParts;
    use http::StatusCode;
    use http::request::Parts;

    use crate::Caller;

    /// Fails with 500 on a route that no guard stands in front of, so that nobody gets in.
    impl<S: Send + Sync> FromRequestParts<S> for Caller {
        type Rejection = StatusCode;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
            parts.extensions.get().cloned().ok_or_else(|| {
                tracing::error!(
                    path = parts.uri.path(),
                    "the route asks for a caller but has no guard"
                );
                StatusCode::INTERNAL_SERVER_ERROR
            })
        }
    }
}

#[cfg(feature = "rmcp")]
mod rmcp {
    use http::request::Parts;
    use rmcp::ErrorData;
    use rmcp::handler::server::common::{AsRequestContext, FromContextPart};

    use crate::Caller;

    /// Fails on an endpoint that no guard stands in front of, so that nobody gets in.
    impl<C: AsRequestContext> FromContextPart<C> for Caller {
        fn from_context_part(context: &mut C) -> Result<Self, ErrorData> {
            // The guard writes into the HTTP request, which rmcp keeps among its own extensions.
            let request = context.as_request_context().extensions.get::<Parts>();
            let caller = request.and_then(|parts| parts.extensions.get::<Self>());
            caller.cloned().ok_or_else(|| {
                tracing::error!("the tool asks for a caller but its endpoint has no guard");
                ErrorData::internal_error("the endpoint is not protected", None)
            })
        }
    }
}

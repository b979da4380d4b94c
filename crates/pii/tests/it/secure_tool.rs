//! Tools of one's own under a policy.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use pii::{FernetKey, FernetKeys, Operator, Policy, Redactor, Scanner, Sealing, SecureTool};
use serde_json::{Value, json};

fn redactor(action: Operator) -> Redactor {
    Redactor::new(Scanner::new(), Policy::of_everything(action))
}

fn sealing() -> Sealing {
    let key = FernetKey::read(&URL_SAFE.encode([7; 32])).unwrap();
    let keys = Arc::new(FernetKeys::new(vec![("k1".to_owned(), key)]).unwrap());
    Sealing::new(move || Arc::clone(&keys), |bytes| bytes.fill(9), || 1_000)
}

async fn find(arguments: Value) -> Result<Value, Infallible> {
    Ok(json!({"asked": arguments["name"], "phone": "010-2345-6789"}))
}

#[tokio::test]
async fn an_access_is_recorded_without_what_was_accessed() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let written = log.clone();
    let tool = SecureTool::new("find", redactor(Operator::Mask)).log_access(move |access| {
        written.lock().unwrap().push(format!("{access:?}"));
    });
    let result = tool.call("kim", &[], json!({"name": "홍길동"}), find).await;
    assert_eq!(
        result.unwrap(),
        json!({"asked": "홍**", "phone": "010-****-****"})
    );
    let log = log.lock().unwrap();
    assert!(
        log[0].contains("KrMobile") && log[0].contains("KrName"),
        "{log:?}"
    );
    assert!(
        !log[0].contains("홍") && !log[0].contains("2345"),
        "{log:?}"
    );
}

#[tokio::test]
async fn what_requires_encryption_lets_nothing_pass_in_clear() {
    let tool = SecureTool::new("find", redactor(Operator::Allow)).requires_encryption();
    let refused = tool.call("kim", &[], json!({}), find).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the policy says encrypt, but there are no keys for it"
    );
    let tool = SecureTool::new("find", redactor(Operator::Allow).with_sealing(sealing()))
        .requires_encryption();
    let result = tool.call("kim", &[], json!({"name": "홍길동"}), find).await;
    let result = result.unwrap();
    assert_eq!(&result["phone"].as_str().unwrap()[..10], "enc:v1:k1:");
}

#[tokio::test]
async fn refused_arguments_never_reach_the_tool() {
    let tool = SecureTool::new("find", redactor(Operator::Reject));
    let call = tool.call(
        "kim",
        &[],
        json!({"name": "홍길동"}),
        async |_: Value| {
            unreachable!("the arguments are refused");
            #[expect(unreachable_code, reason = "it says what the type would be")]
            Ok::<Value, Infallible>(json!({}))
        },
    );
    assert!(call.await.unwrap_err().to_string().contains("KR_NAME"));
}

//! Lists over pages: every item once and in order, whatever the service pages with, and never a part for the whole.

mod support;

use kuai::{Cancel, Client, Pages, Status};
use serde_json::{Value, json};
use std::time::Duration;
use support::clients::{client, client_with};
use support::http::{Cut, Request, Server};
use support::openai::{KEY, Service};

/// A service with one list of `total` items, `item_000` and so on, in pages of `limit` or 2.
fn list_service(total: usize, page: impl Fn(&Request, &[Value]) -> Value + Send + Sync + 'static) -> Server {
    let all: Vec<Value> = (0..total)
        .map(|n| json!({"id": format!("item_{n:03}"), "n": n}))
        .collect();
    Server::start(move |request, reply| reply.json(200, &page(request, &all).to_string()))
}

fn asked<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request
        .query()
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// What is asked for by `after`, `before` and `limit`, and whether there is more in that direction.
fn cut<'a>(request: &Request, all: &'a [Value]) -> (&'a [Value], bool) {
    let limit: usize = asked(request, "limit").map_or(2, |limit| limit.parse().unwrap());
    let place = |name| all.iter().position(|item| item["id"].as_str() == asked(request, name));
    if let Some(before) = place("before") {
        let start = before.saturating_sub(limit);
        return (&all[start..before], start > 0);
    }
    let start = place("after").map_or(0, |at| at + 1);
    let end = (start + limit).min(all.len());
    (&all[start..end], end < all.len())
}

/// Every id, and what stopped the walk.
fn walk(pages: &mut Pages) -> (Vec<String>, Status) {
    let mut ids = Vec::new();
    loop {
        match pages.next() {
            Status::Ok => {
                let item: Value = serde_json::from_str(pages.json()).unwrap();
                ids.push(item["id"].as_str().unwrap_or("?").to_owned());
            }
            status => {
                assert_eq!(pages.json(), "");
                return (ids, status);
            }
        }
    }
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("item_{n:03}")).collect()
}

fn queries(server: &Server) -> Vec<String> {
    server
        .requests()
        .iter()
        .map(|request| request.query().to_owned())
        .collect()
}

fn list(client: &Client, params: &str) -> (Vec<String>, Status) {
    walk(&mut client.pages("vector_stores.list", Some(params), None))
}

#[test]
fn every_item_comes_once_and_in_order_and_other_parameters_go_with_every_page() {
    let server = list_service(7, |request, all| {
        let (data, has_more) = cut(request, all);
        json!({"object": "list", "data": data, "has_more": has_more})
    });
    assert_eq!(
        list(&client(&server), r#"{"limit":3,"order":"asc"}"#),
        (ids(0..7), Status::Done)
    );
    assert_eq!(
        queries(&server),
        [
            "limit=3&order=asc",
            "limit=3&order=asc&after=item_002",
            "limit=3&order=asc&after=item_005"
        ]
    );
    assert_eq!(server.connections(), 1);
}

#[test]
fn pages_are_fetched_when_their_items_are_due() {
    let server = list_service(4, |request, all| {
        let (data, has_more) = cut(request, all);
        json!({"data": data, "has_more": has_more})
    });
    let mut pages = client(&server).pages("files.list", None, None);
    assert_eq!((server.request_count(), pages.result().status()), (0, Status::Ok));
    for (item, requests) in [(0, 1), (1, 1), (2, 2), (3, 2)] {
        assert_eq!(pages.next(), Status::Ok);
        assert_eq!(pages.json(), format!(r#"{{"id":"item_{item:03}","n":{item}}}"#));
        assert_eq!(server.request_count(), requests);
    }
    for _ in 0..3 {
        assert_eq!((pages.next(), pages.json()), (Status::Done, ""));
    }
    assert_eq!(server.request_count(), 2);
    assert!(pages.result().json().contains("item_003"));
}

#[test]
fn a_list_that_does_not_say_whether_there_is_more_ends_with_an_empty_page() {
    let server = list_service(5, |request, all| json!({"object": "list", "data": cut(request, all).0}));
    assert_eq!(list(&client(&server), "{}"), (ids(0..5), Status::Done));
    assert_eq!(
        queries(&server),
        ["", "after=item_001", "after=item_003", "after=item_004"]
    );
}

#[test]
fn a_walk_begins_where_the_program_says() {
    let server = list_service(6, |request, all| {
        let (data, has_more) = cut(request, all);
        json!({"data": data, "has_more": has_more})
    });
    let client = client(&server);
    assert_eq!(
        list(&client, r#"{"after":"item_001","limit":3}"#),
        (ids(2..6), Status::Done)
    );
    assert_eq!(queries(&server), ["after=item_001&limit=3", "limit=3&after=item_004"]);
}

#[test]
fn a_walk_backwards_goes_page_before_page() {
    let server = list_service(6, |request, all| {
        let (data, has_more) = cut(request, all);
        json!({"data": data, "has_more": has_more, "first_id": data.first().map(|item| &item["id"])})
    });
    let walked = list(&client(&server), r#"{"before":"item_005"}"#);
    assert_eq!(walked, (ids([3, 4, 1, 2, 0]), Status::Done));
    assert_eq!(
        queries(&server),
        ["before=item_005", "before=item_003", "before=item_001"]
    );
}

#[test]
fn tokens_of_pages_are_handed_back() {
    let server = list_service(3, |request, all| {
        let at: usize = asked(request, "page").map_or(0, |page| page.strip_prefix("t%3D").unwrap().parse().unwrap());
        let more = at + 1 < all.len();
        let token = if more {
            json!(format!("t={}", at + 1))
        } else {
            Value::Null
        };
        json!({"object": "page", "data": [all[at]], "has_more": more, "next_page": token})
    });
    let params = r#"{"start_time":1700000000,"group_by":["model","user_id"]}"#;
    let mut pages = client(&server).pages("admin.organization.usage.completions", Some(params), None);
    assert_eq!(walk(&mut pages), (ids(0..3), Status::Done));
    let first = "start_time=1700000000&group_by%5B%5D=model&group_by%5B%5D=user_id";
    assert_eq!(
        queries(&server),
        [
            first.to_owned(),
            format!("{first}&page=t%3D1"),
            format!("{first}&page=t%3D2")
        ]
    );
}

#[test]
fn a_post_that_answers_with_a_list_is_sent_once() {
    let server = list_service(2, |_, all| json!({"data": all, "has_more": true, "next_page": "t"}));
    let params = r#"{"vector_store_id":"vs_1","query":"cats"}"#;
    let mut pages = client(&server).pages("vector_stores.search", Some(params), None);
    assert_eq!(walk(&mut pages), (ids(0..2), Status::Done));
    assert_eq!(server.last_request().json(), json!({"query": "cats"}));
    assert_eq!(server.request_count(), 1);
}

#[test]
fn lists_without_pages_are_lists_too() {
    for (body, count) in [
        (r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#, 2),
        (r#"[{"id":"a"},{"id":"b"}]"#, 2),
        (r#"{"object":"list","data":null}"#, 0),
        (r#"{"object":"list"}"#, 0),
    ] {
        let server = Server::start(move |_, reply| reply.json(200, body));
        let (ids, status) = walk(&mut client(&server).pages("models.list", None, None));
        assert_eq!(
            (ids.len(), status, server.request_count()),
            (count, Status::Done, 1),
            "{body}"
        );
    }
}

#[test]
fn a_list_that_goes_round_in_circles_is_a_failure_after_its_items() {
    // The whole list, whatever is asked for: the commonest mistake of services.
    let server = list_service(3, |_, all| json!({"object": "list", "data": all}));
    let mut pages = client(&server).pages("files.list", None, None);
    assert_eq!(walk(&mut pages), (ids(0..3), Status::Protocol));
    let error = pages.result().error().unwrap().clone();
    assert!(
        error.message.contains("\"item_002\"") && error.message.contains("\"after\""),
        "{}",
        error.message
    );
    assert_eq!(
        (error.http_status, pages.next(), server.request_count()),
        (200, Status::Protocol, 2)
    );

    // A circle of two pages.
    let server = list_service(4, |request, all| {
        let page = if asked(request, "after") == Some("item_001") {
            &all[2..]
        } else {
            &all[..2]
        };
        json!({"data": page, "has_more": true})
    });
    let mut pages = client(&server).pages("files.list", None, None);
    assert_eq!(walk(&mut pages), (ids(0..4), Status::Protocol));

    // Back to where the walk began.
    let server = list_service(1, |_, all| json!({"data": all, "has_more": true}));
    let mut pages = client(&server).pages("files.list", Some(r#"{"after":"item_000"}"#), None);
    assert_eq!(walk(&mut pages), (Vec::new(), Status::Protocol));
}

#[test]
fn a_list_that_breaks_off_is_a_failure() {
    for (body, why) in [
        (
            r#"{"data":[{"name":"a"}],"has_more":true}"#,
            "names nothing to go on with",
        ),
        (r#"{"id":"file-1","object":"file"}"#, "it has no data"),
        (r#"{"data":{"id":"a"}}"#, "data is an object"),
    ] {
        let server = Server::start(move |_, reply| reply.json(200, body));
        let mut pages = client(&server).pages("files.list", None, None);
        assert_eq!(pages.next(), Status::Protocol, "{body}");
        let answer = pages.result();
        assert!(answer.json().contains(why), "{}", answer.json());
        assert_eq!((answer.http_status(), answer.body()), (200, body.as_bytes()));
    }
}

#[test]
fn a_page_that_could_not_be_had_is_asked_for_again() {
    let server = Server::start(|request, reply| match request.number {
        0 => reply.json(200, r#"{"data":[{"id":"a"}],"has_more":true}"#),
        1 => reply.json(429, r#"{"error":{"message":"slow down"}}"#),
        2 => reply.cut(Cut::Rst),
        _ => reply.json(200, r#"{"data":[{"id":"b"}],"has_more":false}"#),
    });
    let mut pages = client(&server).pages("files.list", None, None);
    assert_eq!(pages.next(), Status::Ok);
    assert_eq!(pages.next(), Status::RateLimited);
    assert_eq!((pages.json(), pages.result().http_status()), ("", 429));
    while pages.next() == Status::Connection {}
    assert_eq!(pages.json(), r#"{"id":"b"}"#);
    assert_eq!(pages.result().status(), Status::Ok);
    assert_eq!(pages.next(), Status::Done);
    assert!(
        queries(&server)[1..].iter().all(|query| query == "after=a"),
        "{:?}",
        queries(&server)
    );
}

#[test]
fn pages_are_retried_as_every_call_is() {
    let server = Server::start(|request, reply| match request.number {
        0 => reply.send(503, &[("retry-after-ms", "1")], b""),
        _ => reply.json(200, r#"{"data":[{"id":"a"}]}"#),
    });
    let mut pages = client(&server).pages("models.list", None, Some(r#"{"max_retries":1}"#));
    assert_eq!((pages.next(), pages.next()), (Status::Ok, Status::Done));
    assert_eq!(server.request_count(), 2);
}

#[test]
fn a_walk_can_be_cancelled_by_its_switch_and_by_its_client() {
    let endless = || {
        Server::start(|request, reply| {
            reply.json(
                200,
                &format!(r#"{{"data":[{{"id":"{}"}}],"has_more":true}}"#, request.number),
            )
        })
    };
    let server = endless();
    let mut pages = client(&server).pages("files.list", None, None);
    let cancel = Cancel::new();
    pages.cancel_with(&cancel).unwrap();
    assert_eq!((pages.next(), pages.next()), (Status::Ok, Status::Ok));
    cancel.trigger();
    assert_eq!(
        (pages.next(), pages.result().status()),
        (Status::Cancelled, Status::Cancelled)
    );

    let server = endless();
    let client = client(&server);
    let mut pages = client.pages("files.list", None, None);
    assert_eq!(pages.next(), Status::Ok);
    client.cancel();
    assert_eq!(pages.next(), Status::Cancelled);
    // A walk that begins afterwards is not touched.
    assert_eq!(client.pages("files.list", None, None).next(), Status::Ok);
}

#[test]
fn what_is_wrong_is_told_before_anything_is_sent() {
    let server = list_service(1, |_, all| json!({"data": all}));
    let client = client_with(&server, json!({}));
    for (operation, params, options, why) in [
        ("files.lost", "{}", "{}", "files.list"),
        ("files.list", "{", "{}", "params_json"),
        ("files.list", "[]", "{}", "expected an object"),
        ("fine_tuning.jobs.list_events", "{}", "{}", "fine_tuning_job_id"),
        ("files.list", "{}", r#"{"save_to":"x"}"#, "unknown key \"save_to\""),
    ] {
        let mut pages = client.pages(operation, Some(params), Some(options));
        let message = &pages.result().error().unwrap().message;
        assert!(message.contains(why), "{message}");
        assert!(pages.cancel_with(&Cancel::new()).is_err());
        for _ in 0..2 {
            assert_eq!(
                (pages.next(), pages.json()),
                (Status::InvalidArgument, ""),
                "{operation}"
            );
        }
    }
    assert_eq!(server.request_count(), 0);
}

/// Each list of the table, three pages of it, by the cursor that it is documented to have.
#[test]
fn every_list_of_the_api_is_walked_to_its_end() {
    let server = list_service(5, |request, all| {
        if let Some(page) = asked(request, "page") {
            let page: usize = page.parse().unwrap();
            let end = (2 * page + 2).min(all.len());
            return json!({"data": all[2 * page..end], "has_more": end < all.len(), "next_page": (end < all.len()).then(|| (page + 1).to_string())});
        }
        let (data, has_more) = cut(request, all);
        let by_token = request.path().contains("/usage/")
            || request.path().contains("/costs")
            || request.path().contains("/environments/e/files");
        json!({"object": "list", "data": data, "has_more": has_more,
            "next_page": if by_token { json!("1") } else { Value::Null }})
    });
    let client = client(&server);
    // SAFETY: a text of the library's that is never freed.
    let operations = unsafe { std::ffi::CStr::from_ptr(kuai::capi::kuai_operations()) };
    let operations: Value = serde_json::from_slice(operations.to_bytes()).unwrap();
    let mut walked = 0;
    for operation in operations.as_array().unwrap() {
        let takes = |name: &str| {
            operation["query"]
                .as_array()
                .is_some_and(|query| query.iter().any(|one| one == name))
        };
        if operation["method"] != "GET" || !(takes("after") || takes("page")) || operation["streaming"] == true {
            continue;
        }
        let (name, path) = (operation["name"].as_str().unwrap(), operation["path"].as_str().unwrap());
        let mut params = json!({"limit": 2});
        for part in path.split(['{', '}']).skip(1).step_by(2) {
            params[part] = "e".into();
        }
        let mut pages = client.pages(name, Some(&params.to_string()), None);
        assert_eq!(walk(&mut pages), (ids(0..5), Status::Done), "{name}");
        let requests = server.take_requests();
        assert_eq!(requests.len(), 3, "{name}");
        assert!(
            requests
                .iter()
                .all(|request| request.path() == requests[0].path() && request.query().contains("limit=2"))
        );
        walked += 1;
    }
    println!("{walked} lists");
    assert!(walked >= 80, "{walked}");
}

#[test]
fn the_stand_ins_lists_are_walked_in_pages_of_any_size() {
    let server = Service::start();
    let config = json!({"api_key": KEY, "base_url": server.url("/v1")}).to_string();
    let client = Client::new(Some(&config)).unwrap();
    let whole = walk(&mut client.pages("models.list", None, None));
    assert_eq!((whole.0.len(), whole.1), (5, Status::Done));
    for limit in 1..=6 {
        let params = json!({"limit": limit}).to_string();
        assert_eq!(walk(&mut client.pages("models.list", Some(&params), None)), whole);
    }
}

#[test]
fn a_page_is_not_read_anew_for_each_of_its_items() {
    let server = list_service(100_000, |request, all| {
        let (data, has_more) = cut(request, all);
        json!({"data": data, "has_more": has_more})
    });
    let start = std::time::Instant::now();
    let (ids, status) = list(&client(&server), r#"{"limit":50000}"#);
    assert_eq!((ids.len(), status), (100_000, Status::Done));
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

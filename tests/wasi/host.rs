//! A host of `wasi:http` components without sockets: an instance that is used again, asked one request at a time.
// Loads precompiled code that our own build script made.
#![allow(unsafe_code)]

use std::path::Path;

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes};
use tokio::{runtime::Runtime, sync::oneshot};
use understudy_tests::http::Exchange;
use wasmtime::{
    Engine, Store,
    component::{Component, Linker, ResourceTable},
};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
    p2::bindings::{Proxy, ProxyPre, http::types::Scheme},
};

use crate::engine_config::engine_config;

static PRECOMPILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/understudy-wasi.cwasm"));

/// What WASI keeps of an instance.
pub struct Given {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    network: NoNetwork,
    table: ResourceTable,
}

/// The component asks nobody, and here it couldn't.
struct NoNetwork;

type Sending<T> = Box<dyn Future<Output = Result<T, Error>> + Send>;

impl WasiHttpHooks for NoNetwork {
    fn send_request(
        &mut self,
        _: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Sending<()>,
    ) -> Sending<(Response<WasiBody>, Sending<()>)> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

impl WasiView for Given {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Given {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.network }
    }
}

fn load() -> Component {
    let engine = Engine::new(&engine_config(None).expect("switches that go together")).expect("an engine");
    // SAFETY: made by this package's build script from our own component, by the same wasmtime with the same switches.
    unsafe { Component::deserialize(&engine, PRECOMPILED) }.expect("precompiled for this engine")
}

/// Interfaces that the component asks its host for, without versions.
pub fn imports() -> Vec<String> {
    let component = load();
    let names = component.component_type();
    let names = names.imports(component.engine()).map(|(name, _)| name.split('@').next().unwrap_or(name).to_owned());
    names.collect()
}

/// One live copy of the component.
pub struct Instance {
    store: Store<Given>,
    proxy: Proxy,
    runtime: Runtime,
}

impl Instance {
    /// With `folder` preopened, read-only, as `/data`, and these variables.
    pub fn start(folder: &Path, variables: &[(&str, &str)]) -> Instance {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let component = load();
        let mut linker = Linker::new(component.engine());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI");
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).expect("its HTTP part");
        let pre = ProxyPre::new(linker.instantiate_pre(&component).expect("every import")).expect("a wasi:http proxy");
        let mut wasi = WasiCtx::builder();
        wasi.preopened_dir(folder, "/data", FsPerms::ReadOnly).expect("the folder");
        for (name, value) in variables {
            wasi.env(name, value);
        }
        let given =
            Given { wasi: wasi.build(), http: WasiHttpCtx::new(), network: NoNetwork, table: ResourceTable::new() };
        let mut store = Store::new(component.engine(), given);
        // Nobody counts ticks here: one more than none is never reached.
        store.set_epoch_deadline(1);
        let proxy = runtime.block_on(pre.instantiate_async(&mut store)).expect("an instance");
        Instance { store, proxy, runtime }
    }

    /// One request, one answer.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Exchange {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request");
        let (sender, receiver) = oneshot::channel();
        let mut http = self.store.data_mut().http();
        let request = http.new_incoming_request(Scheme::Http, request).expect("a request resource");
        let out = http.new_response_outparam(sender).expect("a response resource");
        let (store, handler) = (&mut self.store, self.proxy.wasi_http_incoming_handler());
        self.runtime.block_on(async {
            // The body is taken while the guest still writes it.
            let answer = async {
                let response = receiver.await.expect("the guest answers").expect("with a response");
                let (head, body) = response.into_parts();
                let body = body.collect().await.expect("a whole body").to_bytes().to_vec();
                let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
                Exchange { status: head.status.as_u16(), headers, body }
            };
            let (handled, answer) = tokio::join!(handler.call_handle(&mut *store, request, out), answer);
            handled.expect("no trap");
            answer
        })
    }
}

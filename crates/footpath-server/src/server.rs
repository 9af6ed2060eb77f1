//! A server from its configuration to its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::{Router, middleware};
use footpath_track::{Artifacts, Blobs, SqliteOptions, Store, open_postgres, open_sqlite};
use tokio::net::TcpListener;

use crate::app::App;
use crate::auth::{AccountError, Accounts, Gate, User};
use crate::config::Config;
use crate::content::Content;
use crate::events::Events;
use crate::http::{Rates, admit, run};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] footpath_track::Error),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The first user could not be made.
    #[error("cannot make the first user: {0}")]
    FirstUser(#[from] AccountError),
    /// A store in PostgreSQL has no folder beside it for the artifacts.
    #[error(
        "a store in PostgreSQL keeps no artifacts: name a folder or s3://bucket/prefix for them"
    )]
    NoArtifacts,
    /// The system gave no threads or signals.
    #[error("cannot start: {0}")]
    System(#[source] std::io::Error),
}

/// A server that listens, and answers once it [runs](Self::run).
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    app: Arc<App>,
    first_token: Option<String>,
}

impl Server {
    /// Opens the store and listens.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind(config: Config) -> Result<Self, ServeError> {
        let cause = |cause| ServeError::Listen {
            address: config.listen,
            cause,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(cause)?;
        let address = listener.local_addr().map_err(cause)?;
        let opening = config.clone();
        let (app, first_token) = tokio::task::spawn_blocking(move || open(&opening))
            .await
            .map_err(|error| ServeError::System(std::io::Error::other(error)))??;
        let router = router(&app);
        Ok(Self {
            listener,
            address,
            router,
            app,
            first_token,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token of the user `admin`, made because the store had no users; shown once.
    #[must_use]
    pub fn first_token(&self) -> Option<&str> {
        self.first_token.as_deref()
    }

    /// Answers until `end` is done and what was under way then is answered too.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let app = self.app;
        let end = async {
            end.await;
            app.events.end();
        };
        run(self.listener, self.router, app.limits.clone(), end).await;
    }
}

/// Serves until the process is asked to end (SIGTERM, or Ctrl-C), on threads of its own.
/// `ready` is called once, before the first request is answered.
///
/// # Errors
/// [`ServeError`] if the server does not start.
pub fn serve(config: Config, ready: impl FnOnce(&Server)) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()
        .map_err(ServeError::System)?;
    let app = runtime.block_on(async {
        let end = asked_to_end().map_err(ServeError::System)?;
        let server = Server::bind(config).await?;
        ready(&server);
        let app = Arc::clone(&server.app);
        server.run(end).await;
        Ok::<_, ServeError>(app)
    })?;
    // The store closes where it may block, after the last task that uses it.
    drop(runtime);
    drop(app);
    Ok(())
}

/// Done when the process is asked to end.
fn asked_to_end() -> Result<impl Future<Output = ()>, std::io::Error> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _asked = tokio::signal::ctrl_c().await;
    })
}

/// Every address the server answers.
fn router(app: &Arc<App>) -> Router {
    let routes = Router::new()
        .merge(crate::mlflow::routes())
        .merge(crate::api::routes())
        .merge(crate::page::routes());
    let routes = match app.prefix.as_str() {
        "" => routes,
        prefix => Router::new().nest(prefix, routes),
    };
    routes
        .layer(middleware::from_fn_with_state(Arc::clone(app), admit))
        .with_state(Arc::clone(app))
}

/// Opens the store and the artifacts that a configuration names. Blocks.
///
/// # Errors
/// [`ServeError::Store`], [`ServeError::NoArtifacts`].
pub fn open_store(config: &Config) -> Result<(Arc<dyn Store>, Artifacts), ServeError> {
    let postgres =
        config.store.starts_with("postgres://") || config.store.starts_with("postgresql://");
    let place = match &config.artifacts {
        Some(place) => place.clone(),
        None if postgres => return Err(ServeError::NoArtifacts),
        None => Path::new(&config.store)
            .join("artifacts")
            .display()
            .to_string(),
    };
    let store: Arc<dyn Store> = if postgres {
        Arc::new(open_postgres(&config.store)?)
    } else {
        Arc::new(open_sqlite(
            Path::new(&config.store),
            SqliteOptions::default(),
        )?)
    };
    let artifacts = Artifacts::new(Arc::clone(&store), Blobs::open(&place)?);
    Ok((store, artifacts))
}

/// Opens all that requests share; gives the first user's token too, if one was made. Blocks.
fn open(config: &Config) -> Result<(Arc<App>, Option<String>), ServeError> {
    let (store, artifacts) = open_store(config)?;
    let open = config.is_open();
    let first_token = if open { None } else { first_token(&*store)? };
    let limits = config.limits.clone();
    let rates = limits
        .requests_per_second
        .filter(|_| !open)
        .map(|rate| Rates::new(rate, limits.burst));
    let app = App {
        gate: Gate::new(Arc::clone(&store), open),
        store,
        content: Content::new(artifacts),
        events: Events::new(),
        prefix: config.prefix().to_owned(),
        rates,
        wrong_credentials: Rates::new(0.1, limits.wrong_credentials),
        limits,
    };
    Ok((Arc::new(app), first_token))
}

/// A server that asks for credentials needs someone who has one.
fn first_token(store: &dyn Store) -> Result<Option<String>, AccountError> {
    let accounts = Accounts(store);
    if !accounts.users()?.is_empty() {
        return Ok(None);
    }
    accounts.put_user(
        &User {
            name: "admin".into(),
            admin: true,
            roles: BTreeMap::new(),
        },
        None,
    )?;
    accounts
        .new_token("admin", "made at the first start", None)
        .map(Some)
}

"""The store on PostgreSQL: `store.PostgresqlStore`."""

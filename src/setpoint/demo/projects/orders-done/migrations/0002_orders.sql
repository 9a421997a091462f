CREATE TABLE orders (id TEXT PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (number), total REAL NOT NULL);
CREATE TABLE items (order_id TEXT NOT NULL REFERENCES orders (id), sku TEXT NOT NULL, quantity INTEGER, price REAL);

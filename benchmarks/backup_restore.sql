-- A million rows as wide as real ones, money with all its places; :count is the number of opportunities.
CREATE FUNCTION pg_temp.money() RETURNS numeric LANGUAGE sql VOLATILE AS
    $$ SELECT (random() * 1000)::numeric(38, 9) + random()::numeric(38, 9) / 1000000000 $$;

CREATE FUNCTION pg_temp.levels(first int, step int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
    $$ SELECT jsonb_agg(jsonb_build_array((first + i * step)::text, (0.1 + i * 0.05)::text)) FROM generate_series(1, 10) i $$;

CREATE FUNCTION pg_temp.book(venue text, seq int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
    $$ SELECT jsonb_build_object('venue', venue, 'pair', 'BTC/USD', 'seq', seq, 'seen_at_ns', 1795340000000000000,
                                 'bids', pg_temp.levels(60000 - seq % 99, -7), 'asks', pg_temp.levels(60100 + seq % 99, 7)) $$;

INSERT INTO arbitrage_opportunities (
    mode, run_id, timestamp, closed_at, correlation_id, route_key, symbol, buy_venue, sell_venue, size, notional_usd,
    edge_bps, gross_edge_bps, peak_edge_bps, costs, books, features, feature_set, feature_hash, scores, gates, reason,
    executed, profitable, profit_quote, profit_usd, resolution_s)
SELECT
    'dry_run', '', at, at + interval '3 s', md5(g::text), 'kraken:BTC/USD>alpaca:BTC/USD', 'BTC/USD', 'kraken', 'alpaca',
    0.5, pg_temp.money(), 3 + g % 40, 68 + g % 40, 70 + g % 40, '[]',
    jsonb_build_array(pg_temp.book('kraken', g), pg_temp.book('alpaca', g)),
    (SELECT jsonb_object_agg('feature_' || i, g * i / 7.0) FROM generate_series(1, 24) i), 'v1', md5('v1'), '{}', '[]', '',
    g % 2 = 0, CASE WHEN g % 2 = 0 THEN g % 3 > 0 END, CASE WHEN g % 2 = 0 THEN pg_temp.money() END,
    CASE WHEN g % 2 = 0 THEN pg_temp.money() END, 0
FROM generate_series(1, :count) g, LATERAL (SELECT timestamptz '2026-06-01' + g * interval '20 s' AS at) t;

INSERT INTO trading_execution (
    mode, run_id, opportunity_id, opportunity_at, correlation_id, reservation_id, route_key, symbol, quote_asset, state,
    reason, decided_at, steps, notional_usd, dust_quantity, planned_gross_quote, planned_net_quote, settled_at, gross_quote,
    fees_quote, gas_quote, slippage_quote, unwind_quote, net_quote, net_usd)
SELECT
    mode, run_id, id, timestamp, correlation_id, id, route_key, symbol, 'USD', 'settled', '', timestamp, 4, notional_usd,
    0.0001, 3, 1, timestamp + interval '1 s', pg_temp.money(), pg_temp.money(), 0, 0.1, 0, pg_temp.money(), pg_temp.money()
FROM arbitrage_opportunities WHERE executed;

INSERT INTO trading_order (
    mode, run_id, execution_id, leg, attempt, role, venue, symbol, side, quantity, limit_price, quantity_step, price_tick,
    state, client_id, venue_order_id, filled_quantity, sending_at, closed_at, reason, gas_asset)
SELECT
    mode, run_id, id, leg, 1, 'open', (ARRAY['kraken', 'alpaca'])[leg + 1], symbol, (ARRAY['buy', 'sell'])[leg + 1], 0.5,
    60000, 0.0001, 0.01, 'filled', md5(id::text || leg), id || '-' || leg, 0.5, decided_at, settled_at, '', ''
FROM trading_execution, generate_series(0, 1) leg;

INSERT INTO trading_fill (mode, run_id, order_id, venue, trade_id, price, quantity, fee_asset, fee, filled_at)
SELECT mode, run_id, id, venue, 'T' || id, 60000, 0.5, 'USD', pg_temp.money(), closed_at FROM trading_order;

INSERT INTO trading_ledgerentry (
    mode, run_id, execution_id, fill_id, account, asset, amount, recorded_at, correlation_id)
SELECT o.mode, o.run_id, o.execution_id, f.id, 'venue:' || f.venue, asset, pg_temp.money(), f.filled_at, md5(f.id::text)
FROM trading_fill f JOIN trading_order o ON o.id = f.order_id, unnest(ARRAY['BTC', 'USD']) asset;

INSERT INTO trading_stateevent (mode, run_id, execution_id, order_id, event, from_state, to_state, happened_at, detail)
SELECT mode, run_id, execution_id, id, 'fill', 'open', 'filled', closed_at, '{}' FROM trading_order;

INSERT INTO edge_observations (mode, run_id, timestamp, opportunity_id, offset_ms, net_bps, size)
SELECT mode, run_id, timestamp, id, 100, pg_temp.money(), size FROM arbitrage_opportunities;

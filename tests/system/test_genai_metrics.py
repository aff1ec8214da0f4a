"""gen_ai_*: what answers and attempts were like, in the names of the OpenTelemetry conventions."""

MODEL = "richierich-echo"


def completion(g, model=MODEL, **more):
    json = {"model": model, "messages": [{"role": "user", "content": "hello there"}], **more}
    return g.request("POST", "/v1/chat/completions", json=json)


def labels(model, **more):
    return {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "mock", "gen_ai_request_model": model, **more}


def test_an_answer_is_measured_on_both_sides(gateway):
    g = gateway()
    usage = completion(g).json()["usage"]
    for side in ("server_request", "client_operation"):
        assert g.metric(f"gen_ai_{side}_duration_seconds_count", **labels(MODEL)) == 1
        assert 0 < g.metric(f"gen_ai_{side}_duration_seconds_sum", **labels(MODEL)) < 10
    assert g.metric("gen_ai_server_time_to_first_token_seconds_count", **labels(MODEL)) == 1
    for kind, name in (("input", "prompt_tokens"), ("output", "completion_tokens")):
        assert g.metric("gen_ai_client_token_usage_count", **labels(MODEL, gen_ai_token_type=kind)) == 1
        assert g.metric("gen_ai_client_token_usage_sum", **labels(MODEL, gen_ai_token_type=kind)) == usage[name]


def test_time_per_token_is_the_pace_of_the_upstream(gateway):
    g = gateway()
    assert completion(g, "richierich", tokens=41, rate=100).status_code == 200
    name = "gen_ai_server_time_per_output_token_seconds"
    assert g.metric(f"{name}_count", **labels("richierich")) == 1
    assert 0.005 < g.metric(f"{name}_sum", **labels("richierich")) < 0.1


def test_failed_attempts_have_their_error(gateway):
    """An upstream that fails once: two attempts, one answer that ended well."""
    g = gateway(upstream={"backoff_ms": 1})
    assert completion(g, "richierich-s03").status_code == 200
    model = "richierich-s03"
    assert g.metric("gen_ai_client_operation_duration_seconds_count", **labels(model, error_type="server")) == 1
    assert g.metric("gen_ai_client_operation_duration_seconds_count", **labels(model)) == 1
    assert g.metric("gen_ai_server_request_duration_seconds_count", **labels(model)) == 1


def test_what_is_not_known_makes_no_label(gateway):
    g = gateway()
    for i in range(5):
        assert completion(g, f"made-up-{i}").status_code == 404
    assert "made-up" not in g.get("/metrics").text


def test_labels_have_a_limit(gateway):
    models = [f"m{i}" for i in range(20)]
    g = gateway(limits={"label_values": 16},
                routes=[{"model": m, "to": [{"upstream": "mock", "model": MODEL}]} for m in models])
    for m in models:
        assert completion(g, m).status_code == 200
    name = "gen_ai_server_request_duration_seconds_count"
    assert sum(g.metric(name, **labels(m)) for m in models) == 16
    other = {k: "other" for k in labels("")}
    assert g.metric(name, **other, error_type="other") == 4

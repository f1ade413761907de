"""Clauses of the same contracts that no simulated vendor plays, and those that nothing of ours meets."""

from tests.scenarios.table import Done, LeftOut

_EVENTS, _INVOKE = "contract/lambda_endpoint/test_events.py::", "contract/lambda_endpoint/test_invoke.py::"
_ANYWHERE = "test_worker_that_dies_anywhere_is_followed_by_one_that_"

DONE = (
    Done("lambda", 1, "202, then nothing", (f"{_EVENTS}test_event_under_fault_drop_is_accepted_and_never_kept",)),
    Done(
        "lambda", 2, "202, then the same report twice",
        (f"{_EVENTS}test_event_under_fault_duplicate_runs_twice_with_one_request_id",
         "integration/media/test_handler.py::"
         "test_handler_with_the_same_event_again_sends_the_manifest_and_encodes_nothing"),
    ),
    Done(
        "lambda", 3, "a report of work that was superseded",
        ("integration/pipeline/test_store.py::test_callback_of_a_deleted_node_is_superseded",),
    ),
    Done(
        "lambda", 4, "AWS's own retries, with the same payload",
        (f"{_EVENTS}test_event_with_two_retries_is_run_three_times",),
    ),
    Done(
        "lambda", 5, "413 above a mebibyte",
        (f"{_INVOKE}test_invoke_with_event_over_a_mebibyte_is_413_and_at_the_limit_202",),
    ),
    Done(
        "lambda", 6, "429, with Retry-After",
        ("integration/executor/test_lambda.py::test_throttled_invocation_comes_back_when_asked_to",),
    ),
    Done("lambda", 7, "404", (f"{_INVOKE}test_invoke_of_unknown_function_is_404",)),
    Done(
        "lambda", 8, "a function that fails leaves a record",
        (f"{_EVENTS}test_event_whose_function_fails_is_not_retried_and_recorded",),
    ),
    Done(
        "lambda", 9, "the address of reports is away",
        ("integration/media/test_handler.py::test_handler_while_gateway_is_away_repeats_the_report",),
    ),
    Done(
        "s3", 1, "an address that expired",
        ("contract/s3/test_s3_presigned.py::test_presigned_url_expired_is_refused",),
    ),
    Done(
        "s3", 2, "HEAD of an address for GET",
        ("contract/s3/test_s3_presigned.py::test_presigned_get_used_with_another_method_is_refused",),
    ),
    Done(
        "s3", 3, "no content type",
        ("contract/s3/test_s3_objects.py::test_put_object_without_content_type_is_binary",),
    ),
    Done(
        "s3", 4, "small parts of an upload",
        ("contract/s3/test_s3_multipart.py::test_complete_with_small_middle_part_is_entity_too_small",),
    ),
    Done(
        "s3", 5, "a body in chunks with a trailer",
        ("contract/s3/test_s3_payloads.py::test_chunked_body_with_trailer_is_stored_decoded",),
    ),
    Done(
        "executors", 36, "a worker dies at each place, for each vendor",
        (f"integration/executor/test_heygen.py::{_ANYWHERE}does_not_buy_again",
         f"integration/executor/test_runway.py::{_ANYWHERE}does_not_buy_again",
         f"integration/executor/test_veo.py::{_ANYWHERE}does_not_buy_again",
         f"integration/executor/test_elevenlabs.py::{_ANYWHERE}completes",
         f"integration/executor/test_remotion.py::{_ANYWHERE}ends_the_work",
         "e2e/test_vendors.py::test_executor_killed_while_it_buys_pays_once_or_says_that_it_cannot_know"),
    ),
    Done(
        "executors", 37, "a worker that stood still reports after another one has taken over",
        ("unit/pipeline/test_reports.py::TestComplete::test_other_result_of_another_claim_is_superseded_and_kept",),
    ),
    Done(
        "executors", 42, "a download drips",
        ("integration/executor/test_fetch.py::test_server_that_drips_is_ended_by_the_deadline",),
    ),
    Done(
        "executors", 44, "the store refuses, conflicts, or loses an answer",
        ("integration/servicekit/test_store_errors.py::test_write_conflict_is_tried_again_until_it_is_decided",
         "integration/servicekit/test_store_errors.py::test_lost_answer_of_a_write_is_recognised_as_our_own"),
    ),
    Done(
        "executors", 45, "a result is gone before it is reported",
        ("integration/pipeline/test_store.py::test_report_whose_object_is_missing_is_refused_and_changes_nothing",),
    ),
    Done(
        "executors", 46, "an event runs twice",
        (f"{_EVENTS}test_event_under_fault_duplicate_runs_twice_with_one_request_id",
         "integration/media/test_handler.py::"
         "test_handler_with_the_same_event_again_sends_the_manifest_and_encodes_nothing"),
    ),
    Done(
        "executors", 47, "an event is dropped",
        (f"{_EVENTS}test_event_under_fault_drop_is_accepted_and_never_kept",
         "integration/pipeline/test_timers.py::TestTimers::test_execution_that_nobody_ever_takes_times_out"),
    ),
    Done(
        "executors", 48, "a function runs over its time and says nothing",
        (f"{_EVENTS}test_event_over_its_time_is_killed_with_its_children_and_recorded",),
    ),
    Done(
        "executors", 49, "a report comes before the invocation is answered",
        ("unit/executor/test_runner_endings.py::TestEndings::test_callback_before_the_parking_leaves_nothing_to_do",),
    ),
    Done(
        "executors", 50, "a report comes after its execution was given up",
        ("unit/pipeline/test_reports.py::TestComplete::test_success_after_the_time_out_is_superseded_and_salvaged",),
    ),
    Done(
        "executors", 51, "the same report comes over and over",
        ("integration/pipeline/test_bad_reports.py::test_same_result_twice_in_one_batch_counts_once",
         "integration/gateway/test_webhook_routes.py::TestVendors::"
         "test_signed_delivery_has_the_vendor_asked_once_however_often_it_comes"),
    ),
    Done(
        "executors", 52, "a report is lost for good, and the manifest is there",
        ("e2e/test_callbacks.py::"
         "test_without_the_gateway_a_run_does_not_finish_until_its_deadline_finds_the_manifest",),
    ),
    Done(
        "executors", 53, "no room for temporary files, and leftovers of the dead",
        ("unit/executor/test_runner_endings.py::TestEndings::test_full_disk_puts_the_work_off",
         "unit/executor/test_workspace.py::test_leftovers_of_a_dead_process_are_removed_at_the_start"),
    ),
    Done(
        "executors", 54, "work takes its workers down",
        ("unit/pipeline/test_attempts.py::test_work_that_takes_its_workers_down_is_quarantined_after_its_attempts",),
    ),
    Done(
        "executors", 55, "a name does not resolve, or to a private address",
        ("integration/executor/test_fetch.py::test_name_that_does_not_resolve_can_be_tried_again",
         "integration/executor/test_fetch.py::test_one_private_address_among_public_ones_is_refused"),
    ),
    Done(
        "executors", 56, "everything dies over and over",
        ("e2e/test_kill_storm.py::test_run_in_which_everything_dies_ends_as_if_nothing_had_happened",),
    ),
)  # fmt: skip
LEFT_OUT = (
    LeftOut("heygen", 6, "a failed video of v1, with `error`", "v1 and v2 are retired, and only v3 is spoken"),
    LeftOut("heygen", 9, "an input's end shows later, as v2 does", "v1 and v2 are retired, and only v3 is spoken"),
    LeftOut(
        "veo", 5, "a download with a key and a redirect", "the Gemini API has no Veo any more; Vertex gives no address"
    ),
)

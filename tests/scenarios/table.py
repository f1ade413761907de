"""What outside services do to their clients, and which test has the outcome.

The clauses are those of the contracts that the simulators were written from, group by group and in their order: the
public references of HeyGen (v3), ElevenLabs (text to speech), Veo on Vertex AI, Runway (2024-11-06), AWS Lambda
(Invoke) and Amazon S3, as of November 2026, and of the list of faults that executors must survive.
"""

from typing import NamedTuple

RULE = "rule"
"""In place of a switch: the simulator refuses, or does so, by itself."""


class Simulated(NamedTuple):
    """A simulator does it while a switch is on, and the tests fail when it is off."""

    group: str
    number: int
    what: str
    switches: tuple[str, ...]
    tests: tuple[str, ...]
    """Below `tests/`; a name without brackets stands for all its parameters."""


class Done(NamedTuple):
    """Not by a simulated vendor: the test itself does it, by an endpoint of this repository or to a process."""

    group: str
    number: int
    what: str
    tests: tuple[str, ...]


class LeftOut(NamedTuple):
    """Nothing of ours meets it."""

    group: str
    number: int
    what: str
    why: str


CLAUSES = {"heygen": 19, "elevenlabs": 10, "veo": 11, "runway": 9, "lambda": 9, "s3": 5, "executors": 21}
_HEYGEN, _HOOKS = "contract/vendors/test_heygen.py::", "contract/vendors/test_heygen_webhooks.py::"
_HEAD = "integration/executor/test_heygen.py::"
_ELEVENLABS, _VOICE = "contract/vendors/test_elevenlabs.py::", "integration/executor/test_elevenlabs.py::"
_VEO, _CLIP = "contract/vendors/test_veo.py::", "integration/executor/test_veo.py::"
_RUNWAY, _FILM = "contract/vendors/test_runway.py::", "integration/executor/test_runway.py::"

SIMULATED = (
    Simulated(
        "heygen", 1, "the first look finds `waiting`", ("first_status",),
        (f"{_HEYGEN}test_status_of_the_post_may_come_first_and_states_may_be_skipped",),
    ),
    Simulated(
        "heygen", 2, "states are skipped", ("first_status", "render_s"),
        (f"{_HEYGEN}test_status_of_the_post_may_come_first_and_states_may_be_skipped",),
    ),
    Simulated(
        "heygen", 3, "200 with an error and no data", ("error_in_200",),
        (f"{_HEYGEN}test_error_may_come_in_a_200_and_its_code_as_a_number",
         f"{_HEAD}test_error_inside_a_200_is_a_refusal"),
    ),
    Simulated(
        "heygen", 4, "code of an error as a number", ("code_as_number",),
        (f"{_HEYGEN}test_error_may_come_in_a_200_and_its_code_as_a_number",),
    ),
    Simulated(
        "heygen", 5, "429 with Retry-After, and the trial's cap without", ("busy", "trial_cap"),
        (f"{_HEYGEN}test_busy_vendor_says_when_and_a_trial_cap_does_not",
         f"{_HEAD}test_busy_vendor_is_tried_again_when_it_says_under_another_key",
         f"{_HEAD}test_trial_cap_is_not_retried"),
    ),
    Simulated(
        "heygen", 6, "a failed video has code and words", ("failure",),
        (f"{_HEYGEN}test_failed_video_is_a_200_with_code_and_words",
         f"{_HEAD}test_failed_video_ends_the_purchase_with_the_vendors_words"),
    ),
    Simulated(
        "heygen", 7, "the result is 403 at first", ("unreadable_downloads",),
        (f"{_HEYGEN}test_result_is_not_readable_in_its_first_moments",),
    ),
    Simulated(
        "heygen", 8, "each look gives another address, and the old one ends", ("address_life_s",),
        (f"{_HEYGEN}test_address_expires_and_each_look_gives_a_new_one",),
    ),
    Simulated(
        "heygen", 9, "an input that cannot be fetched any more is refused at once", (RULE,),
        (f"{_HEYGEN}test_input_that_ends_wrongly_or_cannot_be_fetched_is_refused",
         f"{_HEAD}test_address_that_heygen_cannot_read_any_more_is_handed_out_anew_by_the_next_attempt"),
    ),
    Simulated(
        "heygen", 10, "an input's path ends wrongly", (RULE,),
        (f"{_HEYGEN}test_input_that_ends_wrongly_or_cannot_be_fetched_is_refused",),
    ),
    Simulated(
        "heygen", 11, "a webhook comes before the answer to the submission", ("telling",),
        (f"{_HOOKS}test_end_may_be_told_before_the_submission_is_answered",),
    ),
    Simulated("heygen", 12, "a webhook comes twice", ("telling",), (f"{_HOOKS}test_end_may_be_told_twice",)),
    Simulated("heygen", 13, "a webhook never comes", ("telling",), (f"{_HOOKS}test_end_may_never_be_told",)),
    Simulated(
        "heygen", 14, "an event that nobody asked for", ("telling",),
        (f"{_HOOKS}test_picture_that_nobody_asked_for_may_be_told_of",),
    ),
    Simulated(
        "heygen", 15, "the address of webhooks must answer OPTIONS within a second", (RULE,),
        (f"{_HOOKS}test_address_is_looked_at_before_its_secret_is_told",
         f"{_HOOKS}test_address_that_does_not_answer_within_a_second_is_not_taken"),
    ),
    Simulated(
        "heygen", 16, "the same key with another body is the old video", (RULE, "lose_answers", "fail_after_accepting"),
        (f"{_HEYGEN}test_same_key_replays_the_first_answer_whatever_the_body_says",
         f"{_HEYGEN}test_lost_answer_is_billed_and_found_again_under_its_key"),
    ),
    Simulated(
        "heygen", 17, "409 while the first call with a key goes on", (RULE, "hold_s"),
        (f"{_HEYGEN}test_key_whose_first_call_goes_on_is_in_progress",),
    ),
    Simulated(
        "heygen", 18, "an unknown field is refused", (RULE,),
        (f"{_HEYGEN}test_video_that_the_schema_does_not_have_is_refused_and_not_billed",),
    ),
    Simulated(
        "heygen", 19, "versions before v3 are 410 or 404", (RULE, "old_versions"),
        (f"{_HEYGEN}test_versions_before_are_retired",
         f"{_HEYGEN}test_versions_before_may_be_gone_without_a_word"),
    ),
    Simulated(
        "elevenlabs", 1, "bytes, with id and cost in the headers", (RULE,),
        (f"{_ELEVENLABS}test_speech_is_sound_with_its_id_and_cost_in_the_headers",),
    ),
    Simulated(
        "elevenlabs", 2, "faults of a body are a list, also with a bad key", (RULE, "shape"),
        (f"{_ELEVENLABS}test_bad_body_is_a_list_of_faults_whatever_the_key",
         f"{_ELEVENLABS}test_key_of_another_vendor_is_not_admitted_in_either_shape"),
    ),
    Simulated(
        "elevenlabs", 3, "an empty purse is 401 or 402", ("quota",),
        (f"{_ELEVENLABS}test_empty_purse_is_told_in_two_ways",
         f"{_VOICE}test_refusal_ends_the_work_without_a_line_on_the_bill"),
    ),
    Simulated(
        "elevenlabs", 4, "429 for too many at once, and another for a busy system",
        ("most_at_once", "system_busy", "busy_after"),
        (f"{_ELEVENLABS}test_requests_in_flight_are_counted", f"{_ELEVENLABS}test_busy_system_is_a_429_of_its_own",
         f"{_VOICE}test_busy_vendor_is_tried_again"),
    ),
    Simulated(
        "elevenlabs", 5, "no such voice", (RULE,),
        (f"{_ELEVENLABS}test_what_it_does_not_have_is_refused_and_not_billed",),
    ),
    Simulated(
        "elevenlabs", 6, "a text over the model's limit", (RULE, "limit", "models_away"),
        (f"{_ELEVENLABS}test_what_it_does_not_have_is_refused_and_not_billed",),
    ),
    Simulated(
        "elevenlabs", 7, "the sound breaks off before its length", ("result",),
        (f"{_ELEVENLABS}test_sound_may_break_off_before_its_length",
         f"{_VOICE}test_sound_that_breaks_off_is_never_taken_for_whole"),
    ),
    Simulated(
        "elevenlabs", 8, "what does not arrive is billed all the same", ("lose_answers", "fail_after_accepting"),
        (f"{_ELEVENLABS}test_answer_that_does_not_arrive_is_billed_all_the_same",
         f"{_VOICE}test_answer_that_got_lost_is_bought_once_more_and_never_a_third_time"),
    ),
    Simulated(
        "elevenlabs", 9, "a format in the body is ignored", (RULE,),
        (f"{_ELEVENLABS}test_format_counts_in_the_query_and_is_ignored_in_the_body",),
    ),
    Simulated(
        "elevenlabs", 10, "timestamps come as JSON, without alignment", (RULE,),
        (f"{_ELEVENLABS}test_timestamps_come_as_json_without_alignment",),
    ),
    Simulated(
        "veo", 1, "an operation that goes on says nothing of `done`", ("render_s",),
        (f"{_VEO}test_operation_that_goes_on_says_nothing_of_done",),
    ),
    Simulated(
        "veo", 2, "done, with an error", ("failure",),
        (f"{_VEO}test_failed_operation_carries_a_status",
         f"{_CLIP}test_failed_operation_ends_the_purchase_with_its_class"),
    ),
    Simulated(
        "veo", 3, "done, without a film and with reasons", ("filtered",),
        (f"{_VEO}test_withheld_film_is_done_without_videos",
         f"{_CLIP}test_withheld_film_is_moderation_and_not_success"),
    ),
    Simulated(
        "veo", 4, "one of two films is withheld", ("filtered_in_part",),
        (f"{_VEO}test_film_beside_one_that_was_withheld_is_there",),
    ),
    Simulated(
        "veo", 5, "a film in a bucket needs the token", (RULE, "unavailable_objects", "forget_objects"),
        (f"{_VEO}test_clip_for_a_bucket_lies_there_and_is_read_with_the_token",
         f"{_CLIP}test_film_that_somebody_removed_from_the_bucket_is_not_bought_again"),
    ),
    Simulated(
        "veo", 6, "an operation is forgotten", ("forget",),
        (f"{_CLIP}test_operation_that_google_has_forgotten_ends_the_purchase",),
    ),
    Simulated(
        "veo", 7, "429 with RetryInfo, in words, and bare", ("busy",),
        (f"{_VEO}test_busy_vendor_says_when_in_details_in_words_or_not_at_all",
         f"{_VEO}test_error_may_lie_in_a_list_of_one", f"{_CLIP}test_busy_vendor_is_tried_when_it_says"),
    ),
    Simulated("veo", 8, "a retired model is 404", (RULE,), (f"{_VEO}test_retired_model_is_not_found",)),
    Simulated(
        "veo", 9, "the question is a POST, and its answer has 20 MB", (RULE, "padding_mib"),
        (f"{_VEO}test_question_is_a_post", f"{_VEO}test_answer_of_twenty_megabytes_comes_whole"),
    ),
    Simulated(
        "veo", 10, "five seconds are refused", (RULE,),
        (f"{_VEO}test_clip_that_the_schema_does_not_have_is_refused_and_not_billed",),
    ),
    Simulated(
        "veo", 11, "1080p of six seconds is refused", (RULE,),
        (f"{_VEO}test_clip_that_the_schema_does_not_have_is_refused_and_not_billed",),
    ),
    Simulated(
        "runway", 1, "the version is a header that must be there", (RULE,),
        (f"{_RUNWAY}test_version_is_a_header_that_must_be_there",),
    ),
    Simulated(
        "runway", 2, "an input's address must answer HEAD", (RULE,),
        (f"{_RUNWAY}test_address_that_does_not_answer_head_fails_the_task_later",),
    ),
    Simulated(
        "runway", 3, "an input's address must not redirect", (RULE,),
        (f"{_RUNWAY}test_address_that_redirects_is_an_invalid_asset",),
    ),
    Simulated(
        "runway", 4, "tasks wait as THROTTLED", ("throttled",),
        (f"{_RUNWAY}test_too_many_tasks_wait_as_throttled",),
    ),
    Simulated(
        "runway", 5, "SAFETY.INPUT is charged and SAFETY.OUTPUT is not", ("failure",),
        (f"{_RUNWAY}test_failed_task_says_why_and_what_is_charged",
         f"{_FILM}test_failed_task_ends_the_purchase_with_its_class_and_what_it_cost"),
    ),
    Simulated(
        "runway", 6, "a task is CANCELLED there", ("cancelled",),
        (f"{_FILM}test_task_that_was_cancelled_there_ends_the_purchase",),
    ),
    Simulated(
        "runway", 7, "an output's address ends, and the next look gives another", ("address_life_s",),
        (f"{_RUNWAY}test_output_expires_and_each_look_gives_a_new_address",),
    ),
    Simulated(
        "runway", 8, "429 for the day", ("capped",),
        (f"{_RUNWAY}test_daily_cap_is_a_429_and_shed_load_a_503",),
    ),
    Simulated(
        "runway", 9, "502 and 503", ("sheds_load", "fail_after_accepting", "unavailable"),
        (f"{_RUNWAY}test_daily_cap_is_a_429_and_shed_load_a_503",
         f"{_FILM}test_answer_that_got_lost_asks_a_person_and_buys_no_second"),
    ),
    Simulated(
        "executors", 38, "the vendor accepts, and its answer is lost", ("lose_answers",),
        (f"{_FILM}test_answer_that_got_lost_asks_a_person_and_buys_no_second",
         f"{_CLIP}test_answer_that_got_lost_asks_a_person_and_buys_no_second",
         f"{_VOICE}test_answer_that_got_lost_is_bought_once_more_and_never_a_third_time",
         "integration/executor/test_remotion.py::"
         "test_answer_that_got_lost_is_submitted_once_more_and_then_asks_a_person"),
    ),
    Simulated(
        "executors", 39, "429 and 503 with Retry-After", ("busy", "sheds_load", "throttled"),
        (f"{_HEAD}test_busy_vendor_is_tried_again_when_it_says_under_another_key",
         f"{_FILM}test_vendor_that_takes_no_more_is_tried_later",
         "integration/executor/test_remotion.py::test_account_whose_functions_are_all_busy_is_tried_later"),
    ),
    Simulated(
        "executors", 40, "a job never ends", ("never_ends",),
        ("integration/executor/test_remotion.py::test_render_whose_functions_ended_without_a_film_is_over",),
    ),
    Simulated(
        "executors", 41, "an end without a result, or with one that is none, huge or packed", ("result",),
        (f"{_HEAD}test_result_that_is_no_film_ends_the_purchase_and_nothing_is_stored",
         f"{_FILM}test_result_that_is_no_film_ends_the_purchase",
         f"{_CLIP}test_result_that_is_no_film_ends_the_purchase",
         f"{_VOICE}test_sound_that_is_none_is_not_bought_again",
         "integration/executor/test_remotion.py::test_result_that_is_no_film_ends_the_purchase"),
    ),
    Simulated(
        "executors", 43, "a download breaks off", ("result",),
        (f"{_HEAD}test_result_that_breaks_off_is_never_taken_for_whole",
         f"{_VOICE}test_sound_that_breaks_off_is_never_taken_for_whole"),
    ),
)  # fmt: skip

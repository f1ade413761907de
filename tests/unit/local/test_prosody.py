"""Written text as lines to speak."""

from executor_service.integrations.local.prosody import spoken_lines


def test_spoken_lines_of_two_sentences_are_two_lines():
    assert spoken_lines("Hello there. How are you? Fine!") == ["Hello there.", "How are you?", "Fine!"]


def test_spoken_lines_of_paragraphs_have_an_empty_line_between():
    assert spoken_lines("One.\n\nTwo\nstill two.\n \n\nThree.") == ["One.", "", "Two still two.", "", "Three."]


def test_spoken_lines_inside_a_number_or_abbreviated_word_do_not_break():
    assert spoken_lines("It costs 3.50 e.g. today.") == ["It costs 3.50 e.g. today."]


def test_spoken_lines_without_a_letter_are_left_out():
    assert spoken_lines("… --- !\n\n***") == []


def test_spoken_lines_drop_markup_that_would_be_read_aloud():
    assert spoken_lines("# Title\n\nA *bold* `word`.") == ["Title", "", "A bold word ."]


def test_spoken_lines_of_an_endless_sentence_are_cut_at_spaces():
    lines = spoken_lines("word " * 400)

    assert all(len(line) <= 600 for line in lines)
    assert " ".join(lines).split() == ["word"] * 400

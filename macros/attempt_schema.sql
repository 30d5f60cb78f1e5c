{% macro attempt_schema(identifier='string', corrupt_column=none) -%}
keen_id {{ identifier }},
exam_name {{ identifier }},
base_exam_id {{ identifier }},
user_exam_id {{ identifier }},
keen_timestamp string,
keen_created_at string,
started_at string,
max_attempts string,
certification string,
sequences struct<
    id: {{ identifier }},
    attempt: int,
    counts: struct<
        total: int,
        correct: int,
        incorrect: int,
        incomplete: int,
        submitted: int,
        unanswered: int,
        all_correct: boolean>,
    questions: array<struct<
        id: {{ identifier }},
        user_result: string,
        user_correct: boolean,
        user_incomplete: boolean,
        user_submitted: boolean,
        options: array<struct<
            id: {{ identifier }},
            at: string,
            submitted: int,
            checked: boolean,
            correct: boolean>>>>>
{%- if corrupt_column %},
{{ corrupt_column }} string
{%- endif -%}
{%- endmacro %}

{#- What an attempt's array of questions says as a whole. The array, its elements and
    their options may be NULL. -#}

{% macro item_ids(questions) -%}
    array_sort(array_distinct(
        filter(coalesce({{ questions }}.id, array()), id -> id is not null)
    ))
{%- endmacro %}

{% macro correct_item_count(questions) -%}
    size(filter(
        coalesce({{ questions }}, array()),
        (question, index) -> question.user_correct
        and array_position({{ questions }}.id, question.id) = index + 1
    ))
{%- endmacro %}

{% macro last_answered_at(questions) -%}
    array_max(flatten(transform(
        coalesce({{ questions }}, array()),
        question -> transform(
            coalesce(question.options, array()),
            option -> {{ read_iso_timestamp('option.at') }}
        )
    )))
{%- endmacro %}

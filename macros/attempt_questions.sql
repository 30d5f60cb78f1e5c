{#- What an attempt's array of questions says as a whole. The array, its elements and
    their options may be NULL. -#}

{% macro item_ids(questions) -%}
    array_sort(array_distinct(
        filter(coalesce({{ questions }}.id, array()), id -> id is not null)
    ))
{%- endmacro %}

{#- Nearly always no value repeats, and nothing has to be sorted. The array with one
    element gives that element a name, so that it is calculated once. -#}
{% macro first_occurrences(values) -%}
    if(
        size(array_distinct({{ values }})) = size({{ values }}),
        transform({{ values }}, value -> value is not null),
        transform(
            array_sort(element_at(transform(
                array(array_sort(
                    transform({{ values }}, (value, place) -> struct(value, place))
                )),
                sorted -> transform(sorted, (each, rank) -> struct(
                    each.place,
                    each.value is not null
                    and (rank = 0 or each.value is distinct from sorted[rank - 1].value)
                        as is_first
                ))
            ), 1)),
            each -> each.is_first
        )
    )
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

from prompts_app import compare_urls, prompt_urls

app_name = "prompts"
urlpatterns = [*prompt_urls.urlpatterns, *compare_urls.urlpatterns]

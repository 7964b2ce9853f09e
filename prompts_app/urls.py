from prompts_app import compare_urls

app_name = "prompts"
urlpatterns = [*compare_urls.urlpatterns]
